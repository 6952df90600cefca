//! What can go wrong before a plugin runs.

use std::path::PathBuf;

/// The runtime itself could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The WebAssembly engine refused its configuration on this machine.
    #[error("the WebAssembly engine could not start: {0}")]
    Engine(String),
    /// A folder or key of the compilation cache could not be used.
    #[error("the compilation cache at {path} cannot be used: {source}")]
    Cache {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// A component could not be turned into a plugin. The plugin is not available;
/// nothing else is affected.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    #[error("plugin {id}: {path} cannot be read: {message}")]
    Unreadable {
        id: String,
        path: PathBuf,
        message: String,
    },
    #[error("plugin {id}: the component has {size} bytes, more than the limit of {limit}")]
    TooLarge { id: String, size: u64, limit: u64 },
    #[error("plugin {id}: not a WebAssembly component, or a damaged one: {message}")]
    Invalid { id: String, message: String },
    #[error("plugin {id}: compiling was stopped: {message}")]
    CompileLimit { id: String, message: String },
    /// It exports what no plugin does, or imports what this host does not offer
    /// to plugins of its world.
    #[error("plugin {id}: this component fits no world of plugins: {message}")]
    WrongWorld { id: String, message: String },
    #[error("plugin {id}: the compiler could not be run: {message}")]
    Compiler { id: String, message: String },
}
