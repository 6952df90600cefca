//! The adapter at a service that is played by hand: each test says what the
//! service answers and what its stream tells, and looks at what people see.

mod answers;
mod bad_input;
mod cancel;
mod chunks;
mod ends;
mod idle;
mod lost;
mod refusals;
mod restart;
mod settings;
mod stage;
mod there;
