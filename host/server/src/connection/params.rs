//! Reading parameters: all that is wrong with them is `BAD_PARAMS`.

use hostler_wire::{Fault, RawValue, codes};
use serde::Deserialize;

/// `params` as `T`; left out they are an empty object.
pub(super) fn read<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Result<T, Fault> {
    let text = params.map_or("{}", RawValue::get);
    if !text.starts_with('{') {
        return Err(bad("`params` must be an object"));
    }
    serde_json::from_str(text)
        .map_err(|error| bad(&format!("`params` do not fit the method: {error}")))
}

pub(super) fn bad(message: &str) -> Fault {
    Fault::new(codes::BAD_PARAMS, message)
}
