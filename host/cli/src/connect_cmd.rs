//! `hostler connect` and `hostler disconnect`: which host commands mean.

use std::{env, fs};

use anyhow::Context as _;
use serde_json::json;

use crate::{
    args::{Connect, Disconnect},
    client::{
        address::Address,
        dial::{Target, fragment},
        known_hosts::KnownHosts,
        own_file,
        place::TOKEN,
        profiles::{self, Profile, Profiles, TokenFrom},
        text::one_line,
    },
    device_cmd::host::{memory_of, release},
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
    plugin_cmd::print,
};

pub(crate) async fn connect(args: Connect) -> Result<Exit, Failure> {
    let url = Address::parse(&args.address).or_exit(Exit::Usage)?;
    let config_dir = Bases::from_env().config_dir().or_exit(Exit::Usage)?;
    let name = match args.name {
        Some(name) => name,
        None => profiles::name_of(&url),
    };
    profiles::check_name(&name)?;
    let (text, from) = match &args.token_file {
        Some(file) => {
            let read = fs::read_to_string(file);
            let read = read.with_context(|| format!("cannot read the token in {}", file.display()));
            (Some(read.or_exit(Exit::Usage)?), TokenFrom::File)
        }
        None => match env::var(TOKEN) {
            Ok(token) => (Some(token), TokenFrom::Variable),
            Err(_) => (None, TokenFrom::Pairing),
        },
    };
    let known = KnownHosts::load(&config_dir)?;
    let target = Target::parse(&args.address, text.as_deref().map(str::trim), &known)?;
    let before = Profiles::load(&config_dir)?.get(&name).cloned();
    if let Some(before) = before.filter(|before| before.url != target.url.base()) {
        let message = format!(
            "the connection {name} is one to {}: forget it first (hostler disconnect {name}), or call \
             this one otherwise (--name)",
            before.url
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    // Before anything is kept: a host that lets nobody in is none to use.
    target.check().await?;
    if from == TokenFrom::File {
        profiles::keep_token(&config_dir, &name, &target.token)?;
    }
    let profile = Profile {
        url: target.url.base(),
        certificate: fragment(&url, "cert").map(str::to_owned),
        token: from,
    };
    Profiles::change(&config_dir, |all| all.insert(name.clone(), profile))?;
    if from != TokenFrom::File {
        // Of the same connection before: nothing reads it any more.
        own_file::remove(&profiles::token_file(&config_dir, &name))?;
    }
    if args.json {
        let told = json!({ "name": name, "url": target.url.base(), "token": from });
        print(&told.to_string());
        return Ok(Exit::Done);
    }
    print(&format!(
        "Commands use {} from now on (connection {name}).",
        target.url.base()
    ));
    eprintln!("{}", where_the_token_is(from, &name, &config_dir));
    Ok(Exit::Done)
}

fn where_the_token_is(from: TokenFrom, name: &str, config_dir: &std::path::Path) -> String {
    match from {
        TokenFrom::File => format!(
            "The token is in {}, which only you can read.",
            profiles::token_file(config_dir, name).display()
        ),
        TokenFrom::Variable => format!(
            "The token is kept nowhere: {TOKEN} must be set in each shell that uses this connection."
        ),
        TokenFrom::Pairing => "The token is the one of the pairing.".to_owned(),
    }
}

pub(crate) async fn disconnect(args: Disconnect) -> Result<Exit, Failure> {
    let config_dir = Bases::from_env().config_dir().or_exit(Exit::Usage)?;
    let all = Profiles::load(&config_dir)?;
    let wished = args.name.or_else(profiles::wished);
    let Some((name, profile)) = all.find(wished.as_deref())? else {
        let message = "no host is connected: `hostler connect URL` connects one";
        return Err(Failure::new(Exit::Usage, message));
    };
    let freed = give_back(name, profile, &config_dir).await;
    let name = name.to_owned();
    Profiles::change(&config_dir, |all| all.remove(&name))?;
    own_file::remove(&profiles::token_file(&config_dir, &name))?;
    if args.json {
        let told = json!({
            "name": name,
            "url": profile.url,
            "freed": freed.freed,
            "not_freed": freed.not_freed.iter().map(|(device, _)| device).collect::<Vec<_>>(),
        });
        print(&told.to_string());
        return Ok(Exit::Done);
    }
    for device in &freed.freed {
        print(&format!("{} is free again.", one_line(device, 80)));
    }
    for (device, why) in &freed.not_freed {
        eprintln!(
            "{} could not be freed ({why}): it is free when its lease ends by itself.",
            one_line(device, 80)
        );
    }
    if let Some(why) = &freed.unknown {
        eprintln!("What is held there is not known ({why}): it is free when its leases end.");
    }
    let now = meant_now(&Profiles::load(&config_dir)?, profiles::wished().as_deref())?;
    print(&format!("{} is forgotten; {now}.", profile.url));
    Ok(Exit::Done)
}

/// Which host commands of this shell mean, which may ask for one itself.
fn meant_now(all: &Profiles, wished: Option<&str>) -> Result<String, Failure> {
    if let Some(wished) = wished.filter(|wished| all.get(wished).is_none()) {
        let variable = profiles::VARIABLE;
        return Ok(format!(
            "{variable} of this shell names the connection {}, which there is not: unset {variable}",
            one_line(wished, 80)
        ));
    }
    Ok(match all.find(wished)? {
        Some((_, other)) => format!("commands use {} now", other.url),
        None => "commands use the host of this machine now".to_owned(),
    })
}

/// What came of the leases at a host.
#[derive(Debug, Default)]
struct GivenBack {
    freed: Vec<String>,
    not_freed: Vec<(String, String)>,
    /// Why it is not known what is held.
    unknown: Option<String>,
}

async fn give_back(name: &str, profile: &Profile, config_dir: &std::path::Path) -> GivenBack {
    let mut given = GivenBack::default();
    let found = profile.target(name, config_dir);
    let found = found.and_then(|target| Ok((memory_of(&target)?, target)));
    let (memory, target) = match found {
        Ok(found) => found,
        Err(failure) => {
            given.unknown = Some(failure.shown());
            return given;
        }
    };
    let all = match memory.all() {
        Ok(all) => all,
        Err(error) => {
            given.unknown = Some(Failure::from(error).shown());
            return given;
        }
    };
    for held in all {
        match release(&target, &held).await {
            Ok(()) => given.freed.push(held.device.clone()),
            Err(failure) => given.not_freed.push((held.device.clone(), failure.shown())),
        }
        if let Err(error) = memory.forget(&held.session, &held.lease) {
            given.unknown = Some(Failure::from(error).shown());
        }
    }
    given
}
