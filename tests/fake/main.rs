//! The support library itself: the fake vendors are as strict as the real ones, complete, and
//! broken on demand; the hostile guests are what they say.

mod client;
mod exports;
mod faults;
mod github;
mod grant;
mod guests;
mod jobs;
mod lists;
mod matrix;
mod oauth;
mod outgoing;
mod people;
mod signin;
mod strictness;
mod wire;
mod writes;
