export type { Given } from "./answers.ts";
export { createFakeServer, type FakeServer, type FakeServerOptions, type NewWorkspace } from "./create-fake-server.ts";
export type { AnswerablePath, GivenPath, HeldPath, InputOf, OutputOf, ProcedurePath } from "./procedures.ts";
export type { WorkspacePermission } from "./server-rules.ts";
