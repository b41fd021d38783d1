//! The words for records, what waits of them, conflicts and mappings.

pub(in crate::cli) const RECORD: &str = "\
Examples:
  tidegate record list support ticket
  tidegate record export support ticket --format csv > tickets.csv";
pub(in crate::cli) const RECORD_LIST: &str = "\
Examples:
  tidegate record list support ticket --limit 20
  tidegate record list support ticket --vanished";
pub(in crate::cli) const RECORD_SHOW: &str = "\
Example:
  tidegate record show support ticket 4711";
pub(in crate::cli) const RECORD_EXPORT: &str = "\
Examples:
  tidegate record export support ticket --format jsonl > tickets.jsonl
  tidegate record export support user --format csv | head

jsonl: a line a record, {\"key\":…,\"updated\":…,\"payload\":{…}}.
csv: the columns key and updated, then the payload's fields; what is nested stays JSON.
--marks adds vanished: since when a record is gone remotely, where it is marked.";

pub(in crate::cli) const RECORD_PUT: &str = "\
Examples:
  tidegate record put support ticket order-17 '{\"subject\":\"Late\",\"description\":\"Where is it?\"}'
  tidegate record put support ticket-comment note-1 @note.json --parent order-17

A new record keeps the key that you give it; `record show` tells its remote id once it has
one. It is held to the connector's schema. The channel goes both ways: `channel edit NAME
--two-way`. A host that runs exports it within seconds; without one: `tidegate sync NAME`.";
pub(in crate::cli) const RECORD_PATCH: &str = "\
Examples:
  tidegate record patch support ticket 4711 '{\"status\":\"solved\"}'
  tidegate record patch support ticket 4711 '{\"assignee_id\":null}'

Only the fields that changed are sent. null takes a field away.";
pub(in crate::cli) const RECORD_DELETE: &str = "\
Example:
  tidegate record delete support ticket 4711";
pub(in crate::cli) const RECORD_HISTORY: &str = "\
Example:
  tidegate record history support ticket 4711

The newest changes of channels that go both ways, also of a record that is gone. `import`
and `export` stand for the remote system: what it brought, and what it answered.";
pub(in crate::cli) const RECORD_LINK: &str = "\
Example:
  tidegate record link support ticket order-17 4711

For a record that was made here and is there already: it is not created then, its fields
go out as an update. Neither side can be linked twice.";
pub(in crate::cli) const RECORD_UNLINK: &str = "\
Example:
  tidegate record unlink support ticket order-17

For a link that is wrong. No change of the record may wait.";

pub(in crate::cli) const OUTBOX: &str = "\
Examples:
  tidegate outbox list support --refused
  tidegate outbox show support ticket 4711";
pub(in crate::cli) const OUTBOX_LIST: &str = "\
Examples:
  tidegate outbox list support
  tidegate outbox list support --connector ticket --refused

waits: goes with the next export. put off: not before that time. sent: not answered yet.
refused: waits for another edit, or for `outbox retry`. held: waits for `conflict resolve`.";
pub(in crate::cli) const OUTBOX_SHOW: &str = "\
Example:
  tidegate outbox show support ticket 4711";
pub(in crate::cli) const OUTBOX_RETRY: &str = "\
Examples:
  tidegate outbox retry support ticket 4711
  tidegate outbox retry support --all";
pub(in crate::cli) const OUTBOX_DROP: &str = "\
Examples:
  tidegate outbox drop support ticket 4711 --yes
  tidegate outbox drop support ticket --all --yes

A record that the remote system has never had goes away. What was sent and is not answered
yet cannot be given up.";

pub(in crate::cli) const CONFLICT: &str = "\
Examples:
  tidegate conflict list support --held
  tidegate conflict resolve 01JZ8M3V9Q6X2B4C5D7E8F9G0H --take remote";
pub(in crate::cli) const CONFLICT_LIST: &str = "\
Examples:
  tidegate conflict list
  tidegate conflict list support --connector ticket --held";
pub(in crate::cli) const CONFLICT_SHOW: &str = "\
Example:
  tidegate conflict show 01JZ8M3V9Q6X2B4C5D7E8F9G0H";
pub(in crate::cli) const CONFLICT_RESOLVE: &str = "\
Examples:
  tidegate conflict resolve 01JZ8M3V9Q6X2B4C5D7E8F9G0H --take local
  tidegate conflict resolve 01JZ8M3V9Q6X2B4C5D7E8F9G0H --take remote --field '/subject=\"Both\"'

remote is what the remote system has now, as far as is known. What is decided for the local
side is exported.";

pub(in crate::cli) const MAPPING: &str = "\
Examples:
  tidegate mapping test support ticket --import import.jq --export export.jq
  tidegate mapping set support ticket --import import.jq --export export.jq

A filter is a jq program from one record's payload to another. A value map gives single
values of a field another name here. docs/mapping.md has examples.";
pub(in crate::cli) const MAPPING_SHOW: &str = "\
Example:
  tidegate mapping show support ticket";
pub(in crate::cli) const MAPPING_SET: &str = "\
Examples:
  tidegate mapping set support ticket --import import.jq --export export.jq
  tidegate mapping set support ticket --values values.json
  tidegate mapping set support ticket --without export

values.json: [{\"field\": \"/priority\", \"pairs\": [[\"urgent\", \"high\"]], \"otherwise\": \"keep\"}]
A pair is the remote and the local value; others are kept, become null, or are refused.

It counts for records that come from now on: a full sync maps those that are here.";
pub(in crate::cli) const MAPPING_REMOVE: &str = "\
Example:
  tidegate mapping remove support ticket";
pub(in crate::cli) const MAPPING_TEST: &str = "\
Examples:
  tidegate mapping test support ticket --import import.jq --export export.jq
  tidegate mapping test support ticket --import import.jq --key 4711
  tidegate mapping test support ticket --import import.jq --payload ticket.json

It shows what the mapping changes in stored records, what would go back to the remote
system, and what is lost on the way. What is not given is as it is saved; nothing is
written. It ends with 3 where a record cannot be mapped.";
