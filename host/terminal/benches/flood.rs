//! A large file through a terminal and one viewer, beside the same file through
//! a PTY that is only read. Both in turns, in the same run.

use std::{
    fs::File,
    hint::black_box,
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use hostler_terminal::{
    BoxFuture, Exit, Opening, Piece, Program, Size, Spawned, Spawner, Terminal, ViewerId,
};
use rustix::{
    process::{ioctl_tiocsctty, setsid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

const BYTES: usize = 100_000_000;
const ROUNDS: usize = 5;

fn main() {
    // Cargo asks for a list when it runs tests.
    if std::env::args().any(|word| word == "--list" || word == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, line) in [
        ("plain text", plain as fn(usize) -> String),
        ("colours", coloured),
    ] {
        let file = folder.path().join("file");
        write(&file, line);
        let (mut plain, mut hosted) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(reader(&file));
            hosted.push(viewer(&file));
        }
        let (plain, hosted) = (median(plain), median(hosted));
        println!(
            "{name}: PTY reader {:.0} MB/s, one viewer {:.0} MB/s, {:.2}x (median of {ROUNDS})",
            speed(plain),
            speed(hosted),
            plain.as_secs_f64() / hosted.as_secs_f64()
        );
    }
}

fn plain(line: usize) -> String {
    format!(
        "line {line}: the quick brown fox jumps over {} lazy dogs\n",
        line * 7919 % 1000
    )
}

fn coloured(line: usize) -> String {
    let color = 31 + line % 7;
    format!(
        "\x1b[{color}mline {line}\x1b[0m \x1b[1mthe fox\x1b[22m jumps — over {} dogs\n",
        line % 1000
    )
}

fn write(path: &Path, line: fn(usize) -> String) {
    let mut file = io::BufWriter::new(File::create(path).unwrap());
    let mut written = 0;
    for number in 0.. {
        let text = line(number);
        file.write_all(text.as_bytes()).unwrap();
        written += text.len();
        if written >= BYTES {
            break;
        }
    }
    file.flush().unwrap();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn speed(time: Duration) -> f64 {
    BYTES as f64 / 1e6 / time.as_secs_f64()
}

fn cat(file: &Path, tty: &Path) -> Child {
    let tty = File::options().read(true).write(true).open(tty).unwrap();
    let mut command = Command::new("cat");
    command
        .arg(file)
        .stdin(Stdio::from(tty.try_clone().unwrap()))
        .stdout(Stdio::from(tty));
    // SAFETY: two system calls, without memory or locks.
    unsafe {
        command.pre_exec(|| {
            setsid()?;
            Ok(ioctl_tiocsctty(rustix::stdio::stdin())?)
        });
    }
    command.spawn().unwrap()
}

/// The least that there can be.
fn reader(file: &Path) -> Duration {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let tty = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
    let start = Instant::now();
    let mut child = cat(file, &tty);
    let mut master = File::from(master);
    let mut buffer = vec![0; 64 * 1024];
    let mut read = 0;
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        read += count;
        black_box(&buffer[..count]);
    }
    child.wait().unwrap();
    assert!(read > BYTES, "all of it, and returns of the carriage");
    start.elapsed()
}

#[derive(Debug)]
struct Cat;

impl Spawner for Cat {
    fn spawn(&self, program: Program, tty: PathBuf) -> BoxFuture<'static, io::Result<Spawned>> {
        Box::pin(async move {
            let mut child = cat(Path::new(&program.argv[1]), &tty);
            let waiting = tokio::task::spawn_blocking(move || child.wait());
            Ok(Spawned {
                exit: Box::pin(async move {
                    let status = waiting.await.unwrap().unwrap();
                    Exit {
                        code: status.code(),
                        signal: status.signal(),
                    }
                }),
                end: tokio::sync::oneshot::channel().0,
            })
        })
    }
}

fn viewer(file: &Path) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let program = Program {
            argv: vec!["cat".into(), file.into()],
            env: vec![],
            cwd: "/".into(),
        };
        let start = Instant::now();
        let opening = Opening::new(ViewerId(1), Size::default());
        let terminal = Terminal::open(&Cat, program, opening).await.unwrap();
        let task = tokio::spawn(async move {
            let mut view = terminal.view(None);
            let (mut bytes, mut screens) = (0, 0);
            loop {
                match view.next().await.unwrap() {
                    Piece::Output { bytes: chunk, .. } => bytes += black_box(chunk).len(),
                    Piece::Screen { .. } => screens += 1,
                    Piece::Resized { .. } => {}
                    Piece::Exited(exit) => {
                        assert_eq!(exit.code, Some(0));
                        break (bytes, screens);
                    }
                }
            }
        });
        let (bytes, screens) = task.await.unwrap();
        assert!(
            bytes > BYTES || screens > 1,
            "{bytes} bytes, {screens} screens"
        );
        if screens > 1 {
            println!("the viewer stayed behind: {screens} screens");
        }
        start.elapsed()
    })
}
