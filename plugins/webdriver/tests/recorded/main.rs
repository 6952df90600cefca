//! The plugin with answers that endpoints gave, and with what none should give.

mod broken;
mod cloud;
mod page;
mod refusals;
mod settings;
mod stage;
