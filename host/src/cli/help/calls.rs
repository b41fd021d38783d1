//! The words for calls of operations.

pub(in crate::cli) const CALL: &str = "\
Examples:
  tidegate call chat send-message '{\"to\": \"+4366012345\", \"text\": \"We are open.\"}'
  tidegate call chat send-message @message.json --idempotency-key order-42
  tidegate call chat send-message @message.json --queue
  tidegate call list --status deferred,failed

It prints what the operation answers. The input is checked against the operation's schema
before anything is sent; --dry-run checks it and no more. With --queue the host works the
call off, as often as it takes; without it the first failure is the answer.

A channel called `list` is called with: tidegate call -- list OPERATION JSON";
pub(in crate::cli) const CALL_LIST: &str = "\
Examples:
  tidegate call list --channel chat
  tidegate call list --status queued,deferred --json";
pub(in crate::cli) const CALL_SHOW: &str = "\
Example:
  tidegate call show 01K7V0Q5T8M4Z6XJ3B9R2C1DNE

What the plugin and the host said during it: tidegate run logs ID";
pub(in crate::cli) const CALL_CANCEL: &str = "\
Example:
  tidegate call cancel 01K7V0Q5T8M4Z6XJ3B9R2C1DNE

One that waits is over at once. One that goes on is cut off, and may have been done.";
pub(in crate::cli) const CALL_RETRY: &str = "\
Example:
  tidegate call retry 01K7V0Q5T8M4Z6XJ3B9R2C1DNE

It makes a new call in the queue, with the same input and the same idempotency key: a
remote system that keeps such keys does it once, however often it is asked.";
