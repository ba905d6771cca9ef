/** What a resource must offer: a member for each procedure and router of its part of the server, so that none is forgotten. */
export type MethodsFor<Calls> = { [Name in keyof Calls]: object };
