import { useEffect, useRef } from 'react';
import library from 'plotly.js-cartesian-dist-min/plotly-cartesian.min.js?url';
import type { PlotlyFigure } from './preview';

/** A Plotly figure, drawn in a page of an opaque origin that has no network. */
export default function PlotlyFigureView({ figure, name }: { figure: PlotlyFigure; name: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    const listen = (event: MessageEvent) => {
      const target = frame.current?.contentWindow;
      if (event.source !== target || event.data !== 'ready') return;
      target?.postMessage(figure, '*');
    };
    window.addEventListener('message', listen);
    return () => window.removeEventListener('message', listen);
  }, [figure]);
  return (
    <iframe
      ref={frame}
      src={`/plotly-frame.html?library=${encodeURIComponent(library)}`}
      title={name}
      sandbox="allow-scripts"
      className="artifact-frame"
    />
  );
}
