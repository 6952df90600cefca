//! `hostler pair`: a token for another machine, by an address that is used once.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use hostler_auth::Token;
use hyper::Method;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use serde::Deserialize;
use serde_json::json;

use super::{TokenView, host, token};
use crate::{
    args::Pair,
    client::{
        address::Address,
        dial::{check_plain, fragment},
        known_hosts::{KnownHost, KnownHosts},
        rest::call,
    },
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
    plugin_cmd::print,
};

#[derive(Debug, Deserialize)]
struct Offered {
    code: String,
    life_seconds: u64,
    /// How other machines address the host, if it knows.
    address: Option<String>,
    certificate: Option<String>,
}

pub(crate) async fn run(args: Pair) -> Result<Exit, Failure> {
    match &args.redeem {
        Some(url) => redeem(url, args.wish.label.clone()).await,
        None => offer(args).await,
    }
}

async fn offer(args: Pair) -> Result<Exit, Failure> {
    let given = args.address.as_deref().map(Address::parse);
    let given = given.transpose().or_exit(Exit::Usage)?;
    let host = host(&args.state)?;
    let body = Some(token::body(&args.wish));
    let offered: Offered = host.call(Method::POST, "/v1/pairings", body).await?;
    let base = match given {
        Some(given) => given.base(),
        None => offered.address.clone().ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "the host does not know by which name other machines reach it: add the name to \
                 `[server] hosts` in hostler.toml, or say it: hostler pair --address \
                 https://NAME:PORT",
            )
        })?,
    };
    let url = url(&base, &offered);
    if args.json {
        let told = json!({ "url": url, "life_seconds": offered.life_seconds });
        print(&told.to_string());
        return Ok(Exit::Done);
    }
    if Address::parse(&base).is_ok_and(|base| base.is_loopback()) {
        eprintln!(
            "This host is reached from this machine only. For others: hostler serve --listen \
             0.0.0.0:7117 --tls-own\n"
        );
    }
    if io::stdout().is_terminal() {
        print(&picture(&url)?);
    }
    eprintln!(
        "Within {} minutes, once, on the other machine:\n",
        offered.life_seconds / 60
    );
    print(&format!("hostler pair --redeem '{url}'"));
    Ok(Exit::Done)
}

/// The code stands where it is never sent, so no log on the way has it.
fn url(base: &str, offered: &Offered) -> String {
    let mut url = format!("{base}/#pair={}", offered.code);
    if let Some(certificate) = &offered.certificate {
        url.push_str("&cert=");
        url.push_str(certificate);
    }
    url
}

/// The address for cameras. Light is drawn, because most terminals are dark.
fn picture(url: &str) -> Result<String, Failure> {
    let code = QrCode::with_error_correction_level(url, EcLevel::L)
        .context("the address does not fit into a QR code")?;
    Ok(code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build())
}

async fn redeem(text: &str, label: String) -> Result<Exit, Failure> {
    let url = Address::parse(text).or_exit(Exit::Usage)?;
    check_plain(&url)?;
    let code = fragment(&url, "pair").ok_or_else(|| {
        let message = "this address has no pairing code (#pair=…): take all of what `hostler pair` \
                       printed, in quotes";
        Failure::new(Exit::Usage, message)
    })?;
    let pin = fragment(&url, "cert").map(str::parse).transpose();
    let pin = pin.or_exit(Exit::Usage)?;
    let config_dir = Bases::from_env().config_dir().or_exit(Exit::Usage)?;
    // Before the code is used up.
    let mut known = KnownHosts::load(&config_dir)?;
    known.save(&config_dir)?;
    let base = url.base();
    let label = if label.is_empty() { None } else { Some(label) };
    let body = json!({ "code": code, "label": label });
    let made: TokenView =
        call(&url, pin, &base, None, Method::POST, "/v1/pair", Some(body)).await?;
    let secret = made.token.as_deref().unwrap_or_default();
    let token = Token::parse(secret).context("the host told no token")?;
    let certificate = pin;
    known.insert(base.clone(), KnownHost { token, certificate });
    known.save(&config_dir)?;
    eprintln!("{}", token::about(&made));
    eprintln!("Commands with `--url {base}` use it from now on.");
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_auth::Fingerprint;

    fn offered(certificate: Option<String>) -> Offered {
        Offered {
            code: "AAAAAAAAAAAAAAAAAAAAAA".into(),
            life_seconds: 300,
            address: None,
            certificate,
        }
    }

    #[test]
    fn the_code_and_the_certificate_stand_in_the_fragment() {
        let print = Fingerprint::of(b"x").to_string();
        let text = url("https://box:7117", &offered(Some(print.clone())));
        let url = Address::parse(&text).unwrap();
        assert_eq!(url.path, "/", "nothing of it is sent");
        assert_eq!(fragment(&url, "pair"), Some("AAAAAAAAAAAAAAAAAAAAAA"));
        assert_eq!(fragment(&url, "cert"), Some(print.as_str()));
        let plain = super::url("https://box", &offered(None));
        assert_eq!(plain, "https://box/#pair=AAAAAAAAAAAAAAAAAAAAAA");
    }

    #[test]
    fn the_picture_fits_into_a_terminal_and_has_a_light_rim() {
        let print = Fingerprint::of(b"x").to_string();
        let long = "https://a-rather-long-name.example.com:7117";
        let picture = picture(&url(long, &offered(Some(print)))).unwrap();
        let lines: Vec<_> = picture.lines().collect();
        assert!(lines.len() <= 40, "{} lines", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
        assert!(lines[0].chars().all(|c| c == '█'), "{picture}");
    }
}
