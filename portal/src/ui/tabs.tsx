import { Tabs as Primitive } from 'radix-ui';
import type { ReactNode } from 'react';

export interface Tab<Name extends string> {
  name: Name;
  label: string;
  content: () => ReactNode;
}

export interface TabsProps<Name extends string> {
  tabs: Tab<Name>[];
  current: Name;
  onChange: (name: Name) => void;
  label: string;
}

/** The chosen tab lives in the URL, so the page's route holds it. */
export function Tabs<Name extends string>({ tabs, current, onChange, label }: TabsProps<Name>) {
  return (
    <Primitive.Root
      className="tabs"
      value={current}
      onValueChange={(value) => onChange(value as Name)}
    >
      <Primitive.List className="tab-list" aria-label={label}>
        {tabs.map((tab) => (
          <Primitive.Trigger key={tab.name} value={tab.name} className="tab">
            {tab.label}
          </Primitive.Trigger>
        ))}
      </Primitive.List>
      {tabs.map((tab) => (
        <Primitive.Content key={tab.name} value={tab.name} className="tab-content" tabIndex={-1}>
          {tab.name === current && tab.content()}
        </Primitive.Content>
      ))}
    </Primitive.Root>
  );
}
