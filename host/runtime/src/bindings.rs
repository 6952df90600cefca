//! Host bindings of the contract, generated from `wit/`: one world each, with
//! the interfaces that several worlds import generated once, for harnesses.

#![allow(unreachable_pub, missing_debug_implementations)] // generated code

wasmtime::component::bindgen!({
    path: ["../../wit/types", "../../wit/host", "../../wit/harness"],
    world: "hostler:harness/harness-plugin@0.1.0-draft",
    with: { "hostler:host/blob.blob": crate::blob::Blob },
    imports: {
        "hostler:host/process@0.1.0-draft.run": async | trappable,
        "hostler:host/http@0.1.0-draft": async | trappable,
        "hostler:host/blob@0.1.0-draft.[method]blob.find": async | trappable,
        "hostler:host/blob@0.1.0-draft.[method]blob.json": async | trappable,
        "hostler:host/blob@0.1.0-draft.[method]blob.json-base64": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    require_store_data_send: true,
});

pub(crate) mod device {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/device"],
        world: "hostler:device/device-provider@0.1.0-draft",
        with: {
            "hostler:types/types": crate::bindings::hostler::types::types,
            "hostler:host/log": crate::bindings::hostler::host::log,
            "hostler:host/clock": crate::bindings::hostler::host::clock,
            "hostler:host/random": crate::bindings::hostler::host::random,
            "hostler:host/config": crate::bindings::hostler::host::config,
            "hostler:host/process": crate::bindings::hostler::host::process,
            "hostler:host/blob": crate::bindings::hostler::host::blob,
            "hostler:host/http": crate::bindings::hostler::host::http,
        },
        imports: {
            "hostler:host/service@0.1.0-draft": async | trappable,
            "hostler:host/sleep@0.1.0-draft": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
    });
}

pub(crate) mod policy {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/policy"],
        world: "hostler:policy/lease-policy@0.1.0-draft",
        with: {
            "hostler:types/types": crate::bindings::hostler::types::types,
            "hostler:host/log": crate::bindings::hostler::host::log,
            "hostler:host/config": crate::bindings::hostler::host::config,
        },
        imports: { default: trappable },
        exports: { default: async },
        require_store_data_send: true,
    });
}
