//! The bench of device providers: it keeps the contract's rules.

use std::time::Duration;

use hostler_sdk::device::*;
use hostler_sdk::http::Request;
use hostler_sdk::process::{Command, Exit, Output};
use hostler_sdk::testing::{Exchange, ProviderBench, Script};
use hostler_sdk::{About, Blob, clock, service};
use serde_json::json;

/// Does nothing but what its tests ask.
struct Bare;

impl DeviceProvider for Bare {
    type Session = Self;

    fn describe() -> About {
        About::default()
    }

    fn devices() -> Result<Vec<Device>> {
        let found = Command::new("list").run(Duration::from_secs(1))?;
        let names = found.stdout.lines().map(|name| Device {
            name: name.to_owned(),
            ..Device::default()
        });
        Ok(names.collect())
    }

    fn open(params: OpenParams) -> Result<Self> {
        progress("opening");
        match params.hand_over {
            HandOver::Snapshot(_) => Err(Error::unsupported("be restored")),
            _ => Ok(Self),
        }
    }
}

impl DeviceSession for Bare {
    fn screen(&mut self) -> Result<Screen> {
        Err(Error::unsupported("show anything"))
    }

    fn alive(&mut self) -> Result {
        Ok(())
    }

    fn close(&mut self) -> Result {
        Ok(())
    }
}

fn bench(script: Script) -> ProviderBench<Bare> {
    let mut bench = ProviderBench::new(script);
    bench.open("x").unwrap();
    bench
}

#[test]
fn what_a_session_leaves_out_is_unsupported_with_a_sentence() {
    let mut bench = bench(Script::new());
    let point = Target::Point(Point::default());
    let refusals = [
        bench.call(|it| it.snapshot()).unwrap_err(),
        bench.call(|it| it.act(point, Act::Tap(1))).unwrap_err(),
        bench.call(|it| it.launch("calc")).unwrap_err(),
        bench.call(|it| it.pull("/a")).unwrap_err(),
        bench.call(|it| it.shutdown()).unwrap_err(),
    ];
    for refusal in refusals {
        assert!(
            matches!(&refusal, Error::Unsupported(text) if text.starts_with("this device cannot ")),
            "{refusal:?}"
        );
    }
}

#[test]
fn a_call_with_a_smaller_token_never_reaches_the_session() {
    let mut bench = bench(Script::new());
    assert_eq!(bench.call_as(7, |it| it.alive()), Ok(()));
    let mut reached = false;
    let refused = bench.call_as(6, |_| {
        reached = true;
        Ok(())
    });
    assert_eq!((refused, reached), (Err(Error::Fenced), false));
    assert_eq!(bench.call_as(7, |it| it.alive()), Ok(()));
}

#[test]
fn programs_and_services_are_those_of_the_script() {
    let listed = Output {
        exit: Exit::code(0),
        stdout: "one\ntwo\n".into(),
        ..Output::default()
    };
    let script = Script::new()
        .program(&["list"], Ok(listed))
        .service(&["driver", "--port=0"], Ok("ready on port 9"));
    let mut bench = bench(script.clone());
    assert_eq!(bench.devices().unwrap().len(), 2);
    let driver = Command::new("driver").arg("--port=0");
    let line = bench.call(|_| Ok(service::start("d", &driver, "ready on", Duration::ZERO)?));
    assert_eq!(line.as_deref(), Ok("ready on port 9"));
    assert_eq!(script.running(), ["d"]);
    bench.call(|_| Ok(service::stop("d")?)).unwrap();
    assert!(script.running().is_empty());
    let absent = bench.call(|_| Ok(Command::new("absent").run(Duration::ZERO)?));
    assert!(absent.unwrap_err().to_string().contains("absent"));
}

#[test]
fn a_sleep_moves_the_clock_and_takes_no_time() {
    let mut bench = bench(Script::new());
    let slept = bench.call(|_| {
        let began = clock::monotonic()?;
        clock::sleep(Duration::from_secs(150))?;
        Ok(clock::monotonic()? - began)
    });
    assert_eq!(slept, Ok(Duration::from_secs(150)));
}

#[test]
fn a_blob_is_read_searched_cut_and_read_as_json() {
    let mut bench = bench(Script::new());
    bench
        .call(|_| {
            let blob = Blob::new(br#"{"value":{"data":"aGk=","n":[1,2]}}"#)?;
            assert_eq!(blob.find(b"data", 0)?, Some(11));
            assert_eq!(blob.find(b"data", 12)?, None);
            assert_eq!(blob.slice(1, 7)?.bytes()?, br#""value""#);
            assert!(blob.slice(30, 30).is_err());
            assert_eq!(blob.json("/value/n")?, Some([1, 2]));
            assert_eq!(blob.json::<u8>("/value/none")?, None);
            assert!(blob.json::<u8>("/value/data").is_err());
            assert_eq!(blob.json_base64("/value/data")?.bytes()?, b"hi");
            assert!(blob.json_base64("/value/n").is_err());
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_request_gets_the_answer_that_the_script_has_next() {
    let url = "http://127.0.0.1/x";
    let script = Script::new()
        .then(
            Exchange::new("POST", url)
                .sends(json!({"a": 1}))
                .json(404, &json!({"b": 2})),
        )
        .then(Exchange::new("GET", url).fails(hostler_sdk::Error::other("connection refused")));
    let mut bench = bench(script.clone());
    bench
        .call(|_| {
            let answer = Request::post(url).json(&json!({"a": 1}))?.send()?;
            assert_eq!((answer.status, answer.is_success()), (404, false));
            assert_eq!(answer.json::<serde_json::Value>()?, json!({"b": 2}));
            assert!(answer.header("content-type").unwrap().contains("json"));
            let refused = Request::get(url).send().unwrap_err();
            assert_eq!(refused.to_string(), "connection refused");
            Ok(())
        })
        .unwrap();
    assert_eq!((script.sent().len(), script.left()), (2, 0));
}

#[test]
#[should_panic(expected = "another request next")]
fn a_request_that_the_script_does_not_have_next_fails_the_test() {
    let script = Script::new().then(Exchange::new("GET", "http://127.0.0.1/other"));
    let mut bench = bench(script);
    let _ = bench.call(|_| Ok(Request::get("http://127.0.0.1/x").send()?));
}

#[test]
fn a_harness_may_not_wait() {
    let (outcome, _) = hostler_sdk::testing::with_host(|| Request::get("http://127.0.0.1/").send());
    assert!(matches!(outcome, Err(hostler_sdk::Error::Denied(_))));
}
