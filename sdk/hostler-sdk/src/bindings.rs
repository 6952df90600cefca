//! What `wit-bindgen` makes of the contract. Only `backend::guest` and `export`
//! touch it; plugin authors see this crate's own types.

#![allow(
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: ["../../wit/types", "../../wit/host", "../../wit/harness"],
    world: "hostler:harness/harness-plugin",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "__export_harness_plugin",
    default_bindings_module: "hostler_sdk::__private::bindings",
});
