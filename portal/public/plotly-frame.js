// Draws one Plotly figure. The server answers this page with a sandbox and without network, so that
// what a figure's author wrote into it cannot act as the person who looks at it.
'use strict';
const address = new URLSearchParams(location.search).get('library') ?? '';
if (/^\/assets\/[\w.-]+\.js$/.test(address)) {
  const library = document.createElement('script');
  library.src = address;
  library.onload = () => parent.postMessage('ready', '*');
  document.head.append(library);
}
window.addEventListener('message', (event) => {
  if (event.source !== parent) return;
  const { data, layout } = event.data;
  const own = { ...layout, autosize: true };
  delete own.width;
  delete own.height;
  Plotly.newPlot('figure', data, own, { responsive: true, displaylogo: false }).then(
    () => parent.postMessage('drawn', '*'),
    (error) => parent.postMessage(String(error), '*'),
  );
});
