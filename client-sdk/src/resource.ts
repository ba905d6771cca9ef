/** What a resource must offer: a method for each procedure of its part of the server, at any depth, so that none is forgotten. */
export type MethodsFor<Calls> = {
  [Name in keyof Calls]: Calls[Name] extends { query: unknown } | { mutate: unknown } | { subscribe: unknown }
    ? (...args: never[]) => unknown
    : MethodsFor<Calls[Name]>;
};

/** What one owner has of one kind: the calls, and how each of them names the owner. */
export abstract class Resource<Calls, Owner> {
  protected readonly calls: Calls;
  protected readonly owner: Owner;

  constructor(calls: Calls, owner: Owner) {
    this.calls = calls;
    this.owner = owner;
  }
}

/** How calls name a workspace. */
export interface OfWorkspace {
  readonly workspaceId: string;
}
