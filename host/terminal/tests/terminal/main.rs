//! Terminals with real PTYs and real programs.

mod limits;
mod program;
mod stage;
mod viewers;
