//! Says what an uploaded file really is, whether it may pass, and why not.
//!
//! It protects a shop, and whoever opens what was uploaded to it, from files that are not what they seem: programs
//! under the names of pictures, pictures with a program behind them, documents that act by themselves, archives that
//! fill a disk. It is given whole files in memory, reads nothing else, starts nothing, and keeps nothing. It does not
//! know viruses; [`clamav`] speaks to something that does, and [`Rules`] name what a shop wants to name itself.
//!
//! The walk: [`Inspector::inspect`] checks the name (`name`), then looks at the content (`content`): what it is
//! (`recognize`), where it ends by its own structure (`shape`), code of servers and pages anywhere in it (`code`), the
//! rules (`rules`), and what its kind can do (`pdf`, `svg`, `ole`, `office`, `rtf`). What archives hold is looked at in
//! the same way (`archive`), within limits that count for all of it together. Name, declared type and content have to
//! agree. [`Inspector::inspect_json`] does the same with files that stand in JSON as base64.

pub mod clamav;
#[doc(hidden)]
pub mod fuzz;
pub mod json;
pub mod rules;

mod archive;
mod certainty;
mod code;
mod content;
mod cursor;
mod inspection;
mod kind;
mod markup;
mod name;
mod office;
mod ole;
mod pdf;
pub mod picture;
mod policy;
mod reason;
mod recognize;
mod rtf;
mod shape;
mod svg;
mod text;
mod unpack;

pub use inspection::{Facts, Inspection, Inspector, Upload, Verdict};
pub use kind::Kind;
pub use name::runs_on_server;
pub use policy::{ArchiveLimits, Policy};
pub use reason::{Code, Reason};
pub use rules::Rules;
pub use shape::Picture;
