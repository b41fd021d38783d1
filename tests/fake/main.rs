//! The support library itself: the fake Zendesk is as strict as the vendor, complete, and
//! broken on demand; the hostile guests are what they say.

mod client;
mod exports;
mod faults;
mod github;
mod guests;
mod lists;
mod strictness;
mod writes;
