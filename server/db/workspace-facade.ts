import { ACTION_RULES, MODEL_SCOPE } from "./scoped-models.ts";
import type { ScopedModels } from "./workspace-types.ts";

type Delegate = Record<string, (args: unknown) => unknown>;

/** The members given and, beside them, every model whose rows are a workspace's, each made of the client when it is asked for. */
export function withModels<Members extends object>(client: () => object, members: Members): Readonly<Members & ScopedModels> {
  const models = Object.entries(MODEL_SCOPE).flatMap(([model, scope]): [string, PropertyDescriptor][] => {
    if (scope !== "workspace") return [];
    const name = model[0]?.toLowerCase() + model.slice(1);
    let made: object | undefined;
    const get = () => {
      made ??= facade(client(), name);
      return made;
    };
    return [[name, { enumerable: true, get }]];
  });
  return Object.freeze(Object.defineProperties(members, Object.fromEntries(models))) as Readonly<Members & ScopedModels>;
}

function facade(client: object, name: string): object {
  const delegate = (client as Record<string, Delegate | undefined>)[name];
  if (!delegate) throw new Error(`Prisma has no model "${name}"`);
  return Object.freeze(
    Object.fromEntries(Object.keys(ACTION_RULES).map((action) => [action, (args: unknown) => delegate[action]?.(args)])),
  );
}
