/** What a resource must offer: a method for each procedure of its part of the server, at any depth, so that none is forgotten. */
export type MethodsFor<Calls> = {
  [Name in keyof Calls]: Calls[Name] extends { query: unknown } | { mutate: unknown } | { subscribe: unknown }
    ? (...args: never[]) => unknown
    : MethodsFor<Calls[Name]>;
};
