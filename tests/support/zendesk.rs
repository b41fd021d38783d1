//! A fake Zendesk: the part of the Support API that connectors use, on made-up data.
//!
//! It is written from Zendesk's documentation, and from no connector. Where the
//! documentation leaves a case open, it does what makes a careless client fail, and a
//! comment says so. The pages that the facts are from, named in the modules that
//! need them, all below `https://developer.zendesk.com`:
//!
//! - `/api-reference/introduction/requests/`: formats, statuses, error bodies
//! - `/api-reference/introduction/security-and-auth/`: Basic with `{email}/token:{token}`
//! - `/api-reference/ticketing/oauth/grant_type_tokens/`: OAuth, with `Bearer` tokens
//! - `/api-reference/introduction/pagination/`: cursor and offset pages, their limits
//! - `/api-reference/introduction/rate-limits/`: 429, `Retry-After`, `X-Rate-Limit`
//! - `/api-reference/introduction/data-types/`: 64-bit ids, ISO 8601 in UTC
//! - `/api-reference/ticketing/introduction/#idempotency`: `Idempotency-Key`
//! - `/api-reference/ticketing/tickets/tickets/`, `…/ticket_comments/`, `…/ticket_audits/`
//! - `/api-reference/ticketing/ticket-management/job_statuses/`
//! - `/api-reference/ticketing/users/users/`
//! - `/api-reference/ticketing/ticket-management/incremental_exports/`
//! - `/documentation/ticketing/managing-tickets/using-the-incremental-export-api/`
//!
//! What the pages do not say but people have met is cited where it is used.

mod account;
mod audit;
mod blocks;
mod changes;
mod collection;
mod comments;
mod control;
mod errors;
mod exports;
mod handle;
mod idempotency;
mod input;
mod jobs;
mod lists;
mod oauth;
mod paging;
mod query;
mod router;
mod seed;
mod tickets;
mod users;

pub use handle::{Builder, Zendesk};
pub use oauth::{CLIENT_ID, CLIENT_SECRET, OAuthCounts};

/// The address of the agent that may use the API.
pub const EMAIL: &str = "agent@example.com";
/// The agent's API token. With a `-` and a number after it, it is another one of theirs.
pub const TOKEN: &str = "fake-token";
