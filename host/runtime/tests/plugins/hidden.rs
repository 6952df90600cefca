//! Directories that programs do not see, as an ordinary user and as root.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use hostler_runtime::children::{ChildSpec, Helper, Hiding, Supervised, hiding};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use tokio::io::AsyncReadExt;

use crate::children::{alive, first_line, gone, shell};

/// Of a user that is nobody else.
const UNPRIVILEGED: u32 = 65534;

const NEEDS: &[Need] = &[
    Need::Program("unshare"),
    Need::Ability("user namespaces with mounts", || {
        let mut command = Command::new("unshare");
        command.args(["-Urm", "mount", "-t", "tmpfs", "none", "/tmp"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        as_nobody(&mut command)
            .status()
            .is_ok_and(|status| status.success())
    }),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "hidden_directories_are_empty_and_stay_so_for_a_user",
            NEEDS,
            as_user,
        ),
        trial(
            "hidden_directories_are_empty_for_root_who_may_uncover_them",
            NEEDS,
            as_root,
        ),
        trial(
            "without_hidden_directories_nothing_changes_for_a_program",
            &[],
            nothing_hidden,
        ),
    ]
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Root becomes a user; users stay who they are.
fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command.current_dir("/")
}

async fn as_user() {
    if !is_root() {
        return unprivileged().await;
    }
    let mut command = Command::new("/proc/self/exe");
    command.arg("unprivileged").env("TMPDIR", "/tmp");
    assert!(as_nobody(&mut command).status().unwrap().success());
}

/// This binary as that user.
pub(crate) fn unprivileged_main() -> ExitCode {
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(unprivileged());
    ExitCode::SUCCESS
}

/// A directory with a secret, and a helper that hides it.
struct Stage {
    _folder: tempfile::TempDir,
    secrets: PathBuf,
    helper: Helper,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().canonicalize().unwrap().join("secrets");
        std::fs::create_dir_all(secrets.join("inner")).unwrap();
        std::fs::write(secrets.join("token"), "secret").unwrap();
        let missing = folder.path().join("missing");
        let helper = Helper {
            // One that is not there, and one in the other.
            hidden: vec![missing, secrets.clone(), secrets.join("inner")],
            ..Helper::new("/proc/self/exe".into())
        };
        Self {
            _folder: folder,
            secrets,
            helper,
        }
    }

    /// What a script prints; its directory is `$D`.
    async fn run(&self, script: &str) -> String {
        let mut spec = shell(script);
        spec.env.push(("D".into(), self.secrets.clone().into()));
        let mut child = Supervised::start(&self.helper, &spec).await.unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        child.stdout.read_to_string(&mut out).await.unwrap();
        child.stderr.read_to_string(&mut err).await.unwrap();
        let exit = child.supervision.exited().await.unwrap();
        assert_eq!(exit.code, Some(0), "{out}{err}");
        out
    }

    async fn looks_empty(&self) {
        let look = "ls -A $D | wc -l; sh -c 'ls -A $D | wc -l'; cat $D/token 2>&1 | wc -l";
        assert_eq!(self.run(look).await, "0\n0\n1\n");
        let write =
            "touch $D/new 2>/dev/null || echo refused; ls -d $D/.. >/dev/null && echo there";
        assert_eq!(self.run(write).await, "refused\nthere\n");
        // Outside nothing has changed.
        assert_eq!(
            std::fs::read_to_string(self.secrets.join("token")).unwrap(),
            "secret"
        );
        assert!(!self.secrets.join("new").exists());
    }

    async fn refuses_to_work_inside(&self) {
        for cwd in [self.secrets.clone(), self.secrets.join("inner")] {
            let spec = ChildSpec {
                cwd,
                ..shell("ls ..")
            };
            let error = Supervised::start(&self.helper, &spec)
                .await
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("working directory") && error.contains("secrets"),
                "{error}"
            );
        }
    }

    async fn children_end_as_ever(&self) {
        let script = "setsid sleep 1000 & echo $$ $PPID $!; while :; do sleep 0.05; done";
        for kill_the_supervisor in [false, true] {
            let mut child = Supervised::start(&self.helper, &shell(script))
                .await
                .unwrap();
            let line = first_line(&mut child).await;
            let [program, supervisor, other] =
                line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            assert!(alive(program) && alive(other));
            if kill_the_supervisor {
                let supervisor =
                    rustix::process::Pid::from_raw(supervisor.parse().unwrap()).unwrap();
                rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
                gone(program).await;
                let other = rustix::process::Pid::from_raw(other.parse().unwrap()).unwrap();
                let _ = rustix::process::kill_process(other, rustix::process::Signal::KILL);
            } else {
                drop(child);
                gone(program).await;
                gone(other).await;
            }
        }
    }
}

async fn unprivileged() {
    let stage = Stage::new();
    assert_eq!(hiding(&stage.helper, &stage.secrets).await, Hiding::Kept);
    stage.looks_empty().await;
    stage.refuses_to_work_inside().await;
    stage.children_end_as_ever().await;

    // Who it is stays as it was, without any capability.
    let (user, group) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let who = stage
        .run("echo $(id -u) $(id -g); grep CapEff /proc/self/status")
        .await;
    assert_eq!(who, format!("{user} {group}\nCapEff:\t0000000000000000\n"));

    // By no way that is open to a program without privileges.
    for way in [
        "umount $D",
        "umount -l $D",
        "unshare -Urm umount $D",
        "unshare -Urm umount -l $D",
        "unshare -Urm mount --bind $D/.. /mnt && ls -A /mnt/secrets",
        "nsenter -t HOST -m ls -A $D",
        "ls -A /proc/HOST/root/$D",
        "ls -A /proc/HOST/cwd/$D",
        "nsenter -t $PPID -U -m umount $D",
    ] {
        let way = way.replace("HOST", &std::process::id().to_string());
        let script = format!("({way}) 2>/dev/null; ls -A $D");
        assert_eq!(stage.run(&script).await, "", "{way}");
    }
}

async fn as_root() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    assert_eq!(
        hiding(&stage.helper, &stage.secrets).await,
        Hiding::Undoable
    );
    stage.looks_empty().await;
    stage.refuses_to_work_inside().await;
    stage.children_end_as_ever().await;
}

async fn nothing_hidden() {
    let namespaces =
        |of: &Path| ["mnt", "user"].map(|name| std::fs::read_link(of.join("ns").join(name)).ok());
    let helper = Helper::new(std::env::current_exe().unwrap());
    let mut child = Supervised::start(&helper, &shell("echo $$; read x"))
        .await
        .unwrap();
    let pid = first_line(&mut child).await;
    let program = Path::new("/proc").join(&pid);
    assert_eq!(namespaces(&program), namespaces(Path::new("/proc/self")));
}
