//! The promises of leasing: each by name, and all of them over random histories
//! against a model that is obviously right.

mod discovery;
mod fencing;
mod histories;
mod holding;
mod model;
mod queueing;
mod readers;
mod restarts;
mod sharing;
mod world;
