//! The contract of `wit/` as Rust types, made by the compiler.
//!
//! Nothing is written here by hand, and nothing above `sandbox` sees it.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "combined",
    imports: {
        // The only calls that wait: they suspend the guest's stack.
        "tidegate:connect/http": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "tidegate:connect/http.transport": crate::sandbox::imports::Transport,
        "tidegate:connect/http.body-reader": crate::sandbox::imports::BodyReader,
    },
});
