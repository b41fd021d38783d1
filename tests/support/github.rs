//! A fake GitHub: the REST API for the issues of one repository and their comments, as
//! strict as the vendor, with made-up issues that are the same every time.
//!
//! It is written from GitHub's public documentation and its OpenAPI description only;
//! each file names the pages that it follows (paths on docs.github.com/rest). The one
//! user has the token `fake-token`, the repository is private. It knows no search, no
//! GraphQL and no review comments.
//!
//! | request | what |
//! |---|---|
//! | `GET /user`, `GET /rate_limit` | who we are; what is left |
//! | `GET /repos/{owner}/{repo}` | the repository |
//! | `GET`, `POST /repos/{owner}/{repo}/issues` | issues, pull requests among them; a new one |
//! | `GET`, `PATCH /repos/{owner}/{repo}/issues/{number}` | one issue |
//! | `GET`, `POST /repos/{owner}/{repo}/issues/{number}/comments` | its comments; a new one |
//! | `GET /repos/{owner}/{repo}/issues/comments` | all comments |
//! | `GET`, `PATCH`, `DELETE /repos/{owner}/{repo}/issues/comments/{id}` | one comment |
//!
//! `/repositories/{id}` stands for `/repos/{owner}/{repo}`, as in GitHub's own links.

mod account;
mod comments;
mod control;
mod errors;
mod handle;
mod input;
mod issues;
mod limits;
mod paging;
mod query;
mod router;
mod seed;
mod time;
mod write;

pub use handle::{Builder, Github};

/// The user's login.
pub const LOGIN: &str = "acme-bot";
/// The user's token.
pub const TOKEN: &str = "fake-token";
/// Who owns the repository.
pub const OWNER: &str = "acme";
/// What the repository is called.
pub const REPOSITORY: &str = "widgets";
