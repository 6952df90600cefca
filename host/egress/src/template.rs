//! `{{secret:NAME}}` in the value of a header.

use hostler_secret::{SecretName, Vault};
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{error::FetchError, grant::Allowed};

pub(crate) const BEGIN: &str = "{{secret:";
const END: &str = "}}";

/// The value with its secrets. One that has any is marked as sensitive.
pub(crate) async fn fill(
    value: &str,
    allowed: &Allowed<'_>,
    vault: &Vault,
) -> Result<HeaderValue, FetchError> {
    // What goes into the message itself cannot be wiped.
    let mut filled = Zeroizing::new(String::new());
    let mut rest = value;
    let mut sensitive = false;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once(END).ok_or_else(|| {
            FetchError::Invalid(format!("a `{BEGIN}` has no `{END}` after it in a header"))
        })?;
        let name: SecretName = name
            .parse()
            .map_err(|error| FetchError::Invalid(format!("in a header: {error}")))?;
        // First the grant: whether there is such a secret is nobody's business.
        allowed.secret(&name).map_err(FetchError::Denied)?;
        let secret = vault.get(&name).await?;
        HeaderValue::from_str(secret.expose()).map_err(|_| {
            FetchError::Other(format!(
                "the value of secret {name} has a line end or another control character in it, \
                 which no header takes; set it again with `hostler secret set {name}`"
            ))
        })?;
        filled.push_str(before);
        filled.push_str(secret.expose());
        sensitive = true;
        rest = after;
    }
    filled.push_str(rest);
    let mut value = HeaderValue::from_str(&filled)
        .map_err(|_| FetchError::Invalid("a header has a control character in it".into()))?;
    value.set_sensitive(sensitive);
    Ok(value)
}
