//! The exports of a component: calls of the host to what the author wrote. A
//! crate names its type in one of the three macros; what its code does not call
//! is not in the component.

pub(crate) mod device;
mod device_values;
pub(crate) mod harness;
pub(crate) mod policy;

/// Makes a [`Harness`](crate::Harness) the plugin that this crate is built to:
/// once, at the top of the crate. Natively it does nothing, so that the same
/// crate is tested with [`testing`](mod@crate::testing).
#[macro_export]
macro_rules! export {
    ($harness:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::__private::Component<$harness>;
            $crate::__private::bindings::__export_harness_plugin!(
                Component with_types_in $crate::__private::bindings
            );
        };
    };
}

/// Makes a [`DeviceProvider`](crate::device::DeviceProvider) the plugin that this
/// crate is built to, as [`export!`](crate::export!) does it for a harness.
#[macro_export]
macro_rules! export_provider {
    ($provider:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::__private::ProviderComponent<$provider>;
            $crate::__private::bindings::device::__export_device_provider!(
                Component with_types_in $crate::__private::bindings::device
            );
        };
    };
}

/// Makes a [`Policy`](crate::policy::Policy) the plugin that this crate is built
/// to, as [`export!`](crate::export!) does it for a harness.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::__private::PolicyComponent<$policy>;
            $crate::__private::bindings::policy::__export_lease_policy!(
                Component with_types_in $crate::__private::bindings::policy
            );
        };
    };
}

/// A trap's backtrace does not hold the panic's message: the log does.
#[cfg(target_family = "wasm")]
fn log_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| crate::log::error(panic)));
    });
}

#[cfg(not(target_family = "wasm"))]
fn log_panics() {}
