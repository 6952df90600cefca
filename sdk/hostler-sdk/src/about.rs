/// What a provider or a policy says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// For people, such as `WebDriver`.
    pub title: String,
    /// Of the plugin: usually `env!("CARGO_PKG_VERSION")`.
    pub version: String,
}
