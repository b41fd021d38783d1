//! The words of `webhook` and `notice`: what is posted to the host, and by it.

pub(in crate::cli) const WEBHOOK: &str = "\
Examples:
  tidegate webhook create support changed --secret-file ./signing-secret
  tidegate webhook list

A remote system that posts what changes saves the wait for the next sync.";
pub(in crate::cli) const WEBHOOK_CREATE: &str = "\
Examples:
  tidegate webhook create support changed
  tidegate webhook create support changed --secret-file ./signing-secret

It prints the address and how to register it. The secret with which deliveries are signed
is the one that is given, else the one in the channel's settings where the plugin says so,
else the host makes one and shows it this once. Where the remote system makes the secret
when the address is registered, give it afterwards:
  tidegate webhook rotate ID --keep-address --secret-file ./signing-secret";
pub(in crate::cli) const WEBHOOK_LIST: &str = "\
Example:
  tidegate webhook list --channel support";
pub(in crate::cli) const WEBHOOK_SHOW: &str = "\
Example:
  tidegate webhook show 01K6Z5F5V0A7Q2XJ8M3R9T4B6C

Repeated deliveries had been taken before; refused ones have a signature that does not
fit. The channel's syncs take in what was taken: tidegate run list --channel NAME.";
pub(in crate::cli) const WEBHOOK_ROTATE: &str = "\
Examples:
  tidegate webhook rotate 01K6Z5F5V0A7Q2XJ8M3R9T4B6C
  tidegate webhook rotate 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --keep-address --secret-file ./signing-secret

To lose nothing meanwhile, make a second webhook of the kind, register it, and delete
this one.";
pub(in crate::cli) const WEBHOOK_DELETE: &str = "\
Example:
  tidegate webhook delete 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --yes";

pub(in crate::cli) const NOTICE: &str = "\
Examples:
  tidegate notice create crm --to https://crm.example.com/tidegate --channel support
  tidegate notice list

Messages are signed as standardwebhooks.com says.";
pub(in crate::cli) const NOTICE_CREATE: &str = "\
Examples:
  tidegate notice create crm --to https://crm.example.com/tidegate
  tidegate notice create crm --to https://crm.example.com/tidegate --channel support \\
      --connector ticket --with-payload

Each record that is added, updated or deleted from now on is told in a message of its own,
with the record's content where --with-payload is given. The host makes the secret with
which it signs and shows it this once, unless one is given.";
pub(in crate::cli) const NOTICE_LIST: &str = "\
Example:
  tidegate notice list";
pub(in crate::cli) const NOTICE_SHOW: &str = "\
Example:
  tidegate notice show crm";
pub(in crate::cli) const NOTICE_PAUSE: &str = "\
Example:
  tidegate notice pause crm

What changes meanwhile is told when it is resumed: each record once, as it is then.";
pub(in crate::cli) const NOTICE_RESUME: &str = "\
Example:
  tidegate notice resume crm

It also ends the rest that an address gets that does not answer.";
pub(in crate::cli) const NOTICE_DELETE: &str = "\
Example:
  tidegate notice delete crm --yes";
pub(in crate::cli) const NOTICE_TEST: &str = "\
Example:
  tidegate notice test crm

It sends one message of type notice.test and ends with 1 where it does not arrive.";
pub(in crate::cli) const NOTICE_DEAD: &str = "\
Examples:
  tidegate notice dead list crm
  tidegate notice dead retry crm --all";
pub(in crate::cli) const NOTICE_DEAD_LIST: &str = "\
Example:
  tidegate notice dead list crm";
pub(in crate::cli) const NOTICE_DEAD_RETRY: &str = "\
Examples:
  tidegate notice dead retry crm --channel support --connector ticket --key 4711
  tidegate notice dead retry crm --all";
pub(in crate::cli) const NOTICE_DEAD_DROP: &str = "\
Example:
  tidegate notice dead drop crm --all --yes";
