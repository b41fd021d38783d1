//! The words of `route --help`.

pub(in crate::cli) const ROUTE: &str = "\
Examples:
  tidegate route create --from support/ticket --to widgets/issue --map ticket-to-issue.jq
  tidegate route show support-ticket-to-widgets-issue

What changes in one channel is written into the other, here, and goes out with that
channel's export. docs/routes.md has a worked example.";
pub(in crate::cli) const ROUTE_CREATE: &str = "\
Examples:
  tidegate route create --from support/ticket --to widgets/issue --map ticket-to-issue.jq
  tidegate route create tickets --from support/ticket --to widgets/issue \\
      --map ticket-to-issue.jq --back issue-to-ticket.jq --deletions follow

A filter gets the payload of a record and gives that of its counterpart; one that gives
nothing, or null, leaves the record out. Fields that it does not give are left alone.
With --back changes go both ways. The channel that is written to has to go both ways:
tidegate channel edit NAME --two-way.

Records that are there already go first, unless --only-new is given. Try it before:
  tidegate route test --from support/ticket --to widgets/issue --map ticket-to-issue.jq";
pub(in crate::cli) const ROUTE_LIST: &str = "\
Example:
  tidegate route list";
pub(in crate::cli) const ROUTE_SHOW: &str = "\
Example:
  tidegate route show tickets

Links are the pairs of records that are each other's counterpart; waiting are changes that
are still to be carried over; failed are those that were set aside: tidegate route failed
list NAME.";
pub(in crate::cli) const ROUTE_PAUSE: &str = "\
Example:
  tidegate route pause tickets

What changes meanwhile is carried over when it is resumed: each record as it is then.";
pub(in crate::cli) const ROUTE_RESUME: &str = "\
Example:
  tidegate route resume tickets";
pub(in crate::cli) const ROUTE_DELETE: &str = "\
Example:
  tidegate route delete tickets --yes

The records stay. A route that is made again under the same name knows those again that
it has made.";
pub(in crate::cli) const ROUTE_TEST: &str = "\
Examples:
  tidegate route test tickets --key 4711
  tidegate route test tickets --map better.jq --limit 20
  tidegate route test tickets --reversed
  tidegate route test --from support/ticket --to widgets/issue --map ticket-to-issue.jq

It runs the filter on stored records and shows what would be written; nothing is. It ends
with 3 where one of them cannot be carried over.";
pub(in crate::cli) const ROUTE_FAILED: &str = "\
Examples:
  tidegate route failed list tickets
  tidegate route failed retry tickets --all

A record that could not be carried over five times is set aside; it holds no other up.";
pub(in crate::cli) const ROUTE_FAILED_LIST: &str = "\
Example:
  tidegate route failed list tickets";
pub(in crate::cli) const ROUTE_FAILED_RETRY: &str = "\
Examples:
  tidegate route failed retry tickets --key 4711
  tidegate route failed retry tickets --all";
pub(in crate::cli) const ROUTE_FAILED_DROP: &str = "\
Example:
  tidegate route failed drop tickets --all --yes

A record that changes again is carried over again.";
