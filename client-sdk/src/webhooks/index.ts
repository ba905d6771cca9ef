export {
  type SignOptions,
  sign,
  type VerifiedWebhook,
  type VerifyOptions,
  verify,
  type WebhookBody,
  type WebhookHeaders,
  type WebhookRefusal,
  type WebhookScheme,
  WebhookVerificationError,
} from "./signature.ts";
