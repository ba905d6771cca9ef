import { Window } from "happy-dom";
import { act, type ReactNode } from "react";
import { onTestFinished } from "vitest";

/** What React reads of a browser. */
const GLOBALS = ["window", "document", "navigator", "HTMLElement", "HTMLIFrameElement", "Node", "Event"] as const;

export interface Page {
  text(): string;
  /** Puts HTML beside what is shown. */
  put(html: string): void;
  show(node: ReactNode): Promise<void>;
  leave(): Promise<void>;
}

/** A page of a browser's for one test, empty or with what a server has rendered. */
export async function openPage(): Promise<Page> {
  const window = new Window({ url: "https://sim.example.com/" });
  const before = GLOBALS.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  for (const name of GLOBALS) {
    Object.defineProperty(globalThis, name, { value: name === "window" ? window : window[name], configurable: true });
  }
  onTestFinished(async () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else Reflect.deleteProperty(globalThis, name);
    }
    await window.happyDOM.close();
  });
  const { createRoot } = await import("react-dom/client");
  const container = window.document.createElement("main");
  window.document.body.append(container);
  const root = createRoot(container as unknown as Element);
  return {
    text: () => window.document.body.textContent,
    put: (html) => window.document.body.insertAdjacentHTML("beforeend", html),
    show: (node) => acting(() => root.render(node)),
    leave: () => acting(() => root.unmount()),
  };
}

/** React takes what happens outside of this for a mistake of the test's, while it is told that there is one. */
async function acting(change: () => void): Promise<void> {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  await act(async () => change());
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
}
