/** Who is calling, once a credential has been verified. Sim's own principal kinds. */
export type Principal =
  | { kind: "session"; userId: string; sessionId: string }
  | { kind: "personal_api_key"; userId: string; keyId: string }
  | { kind: "workspace_api_key"; keyId: string; workspaceId: string }
  /** Sim's backend; with a userId it acts as that user, without one it may only call simIntegration. */
  | { kind: "internal"; userId: string | null };

/** How the credential came in: a cookie is sent by browsers unasked, so it brings rules of its own. */
export type CredentialSource = "authorization" | "x-api-key" | "cookie";

export interface Authentication {
  principal: Principal;
  source: CredentialSource;
  /**
   * The SHA-256, in hex, of the key or session token that Sim has for this credential: by it a statement finds out that
   * Sim has put another in its place. Null for Sim's backend, which no row stands for.
   */
  proof: string | null;
  /** When the credential ends by itself, which no statement would notice; absent where Sim's row alone decides. */
  endsAtMs?: number;
}

/** What is read of a request's headers: names in any case, several values of one name joined, null where it is absent. */
export type RequestHeaders = Pick<Headers, "get">;

/** Verifies the credential in a request's headers. */
export interface Authenticator {
  /** A digest of the one credential that decides, to be remembered in its stead; null where there is none. */
  identify(headers: RequestHeaders): string | null;
  /**
   * The caller behind the first credential present, or null where there is none.
   * @throws AppError UNAUTHORIZED where the first credential present is bad, even if another one would do.
   */
  authenticate(headers: RequestHeaders): Promise<Authentication | null>;
}

/** The user a principal acts as; null for a workspace key and for Sim's backend on its own behalf. */
export function actingUserId(principal: Principal): string | null {
  return principal.kind === "workspace_api_key" ? null : principal.userId;
}

/** A short name of the principal for logs, audit rows and idempotency keys; never a secret. */
export function principalId(principal: Principal): string {
  switch (principal.kind) {
    case "session":
      return principal.userId;
    case "personal_api_key":
    case "workspace_api_key":
      return principal.keyId;
    case "internal":
      return principal.userId ?? "sim";
  }
}
