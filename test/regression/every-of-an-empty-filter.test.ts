import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { openDatabase } from "../../server/db/client.ts";
import { createTestDatabase, makeUser, makeWorkspace } from "../support/database.ts";

test("every related row passes an empty filter, also where there are some", async () => {
  const database = await createTestDatabase();
  const client = openDatabase({ url: database.appUrl, poolSize: 1, maxOverflow: 0, poolTimeoutSeconds: 5, onError() {} });
  try {
    const { id: workspaceId } = await makeWorkspace(database.owner, { ownerId: (await makeUser(database.owner)).id });
    const prelude = { name: "system", text: "select parlant.parlant_enter_system($1, $2)", values: [workspaceId, "test"] };
    const db = client.openWorkspace({ workspaceId, prelude });
    const times = { createdAt: new Date(), updatedAt: new Date() };
    for (const name of ["with", "without"]) {
      const id = randomUUID();
      await db.agent.create({ data: { id, name, nameKey: name, boundary: "", boundaryKeyVersion: 1, ...times } });
      if (name === "with") await db.agentGrant.create({ data: { agentId: id, userId: "ada", level: "view", ...times } });
    }
    const names = async (every: object) =>
      (await db.agent.findMany({ where: { grants: { every } }, orderBy: { name: "asc" } })).map(({ name }) => name);
    expect(await names({})).toEqual(["with", "without"]);
    expect(await names({ AND: [{}] })).toEqual(["with", "without"]);
    expect(await names({ level: "view" })).toEqual(["with", "without"]);
    expect(await names({ level: "manage" })).toEqual(["without"]);
  } finally {
    await client.close();
    await database.drop();
  }
});
