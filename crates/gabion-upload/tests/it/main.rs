//! The engine from outside: files that are refused, files that pass, and bombs.

mod bad;
mod files;
mod json;
mod linear;
mod office;
mod ordinary;
mod seeds;
