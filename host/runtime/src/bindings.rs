//! Host bindings of the contract, generated from `wit/`.

#![allow(unreachable_pub, missing_debug_implementations)] // generated code

wasmtime::component::bindgen!({
    path: ["../../wit/types", "../../wit/host", "../../wit/harness"],
    world: "hostler:harness/harness-plugin@0.1.0-draft",
    imports: {
        "hostler:host/process@0.1.0-draft.run": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    require_store_data_send: true,
});
