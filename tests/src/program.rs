//! The program under test: where it is, one command of it, and a process of it that goes on.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::wait::eventually;

/// The folder of the build that this test belongs to: `target/<profile>`.
///
/// # Errors
/// Where the test does not lie in one.
pub fn build_folder() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent);
    Ok(folder
        .context("the test lies in no build folder")?
        .to_owned())
}

/// The binary beside the tests.
///
/// # Errors
/// Where it has not been built.
pub fn pannier() -> anyhow::Result<PathBuf> {
    let program = build_folder()?.join("pannier");
    let profile = if program.iter().any(|p| p == "release") {
        " --release"
    } else {
        ""
    };
    anyhow::ensure!(
        program.is_file(),
        "there is no {}; build it first: cargo build{profile} -p pannier",
        program.display()
    );
    Ok(program)
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// The output of a command that must have gone well.
    ///
    /// # Errors
    /// With all that it said, where it did not.
    pub fn good(self) -> anyhow::Result<String> {
        anyhow::ensure!(self.code == Some(0), "{self:?}");
        Ok(self.out)
    }
}

/// A command of the program that knows nothing of its surroundings.
///
/// # Errors
/// Where the program has not been built.
pub fn command(folder: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(pannier()?);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PANNIER_") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// Runs a command of the program to its end.
///
/// # Errors
/// Where it cannot be started.
pub fn ran(folder: &Path, args: &[&str]) -> anyhow::Result<Ran> {
    finished(command(folder)?.args(args))
}

/// Runs a line of shell, in which `$PANNIER` is the program.
///
/// # Errors
/// Where it cannot be started.
pub fn sh(folder: &Path, line: &str) -> anyhow::Result<Ran> {
    let mut shell = Command::new("sh");
    shell.current_dir(folder).stdin(Stdio::null());
    finished(shell.args(["-c", line]).env("PANNIER", pannier()?))
}

/// Runs a command to its end.
///
/// # Errors
/// Where it cannot be started, or says what is no text.
pub fn finished(command: &mut Command) -> anyhow::Result<Ran> {
    let output = command.output().context("cannot start")?;
    Ok(Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// A process of the program. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Process {
    /// Starts `pannier args…` in a folder; what it says goes to files named after it, at the end
    /// of what an earlier one of the name said.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(folder: &Path, name: &str, args: &[String]) -> anyhow::Result<Self> {
        Self::spawn(folder, name, command(folder)?.args(args))
    }

    /// As [`Self::start`], from a command that has its arguments.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn spawn(folder: &Path, name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let open = |suffix: &str| {
            let path = folder.join(format!("{name}.{suffix}"));
            let file = File::options().create(true).append(true).open(&path)?;
            anyhow::Ok((path, file))
        };
        let ((out, stdout), (err, stderr)) = (open("out")?, open("err")?);
        let child = command
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            out,
            err,
        })
    }

    /// What it has printed so far.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// What it has printed on standard error so far.
    #[must_use]
    pub fn complained(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// Where it was gone already: then the test proves nothing.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.must_live()?;
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal by its name: `STOP`, `CONT`, `TERM`, `INT`.
    ///
    /// # Errors
    /// Where it was gone already.
    pub fn signal(&mut self, signal: &str) -> anyhow::Result<()> {
        self.must_live()?;
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status()?;
        anyhow::ensure!(sent.success(), "{} did not get {signal}", self.name);
        Ok(())
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ended(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("{} ends", self.name);
        let child = &mut self.child;
        eventually(deadline, &what, async || child.try_wait().transpose())
            .await?
            .map_err(Into::into)
    }

    /// Bytes that it has written so far, to files and to others: how far a process has come that
    /// prints nothing. Linux alone tells.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn written(&self) -> anyhow::Result<u64> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let bytes = io.lines().find_map(|line| line.strip_prefix("wchar: "));
        Ok(bytes.context("no bytes written are told")?.parse()?)
    }

    /// The most bytes of memory that it has held so far. Linux alone tells.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn peak(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|p| p.trim().strip_suffix(" kB"));
        Ok(kilobytes.context("no peak is told")?.parse::<u64>()? << 10)
    }

    /// It has not ended.
    ///
    /// # Errors
    /// Where it has, with how.
    pub fn must_live(&mut self) -> anyhow::Result<()> {
        let ended = self.child.try_wait()?;
        anyhow::ensure!(ended.is_none(), "{} has ended: {ended:?}", self.name);
        Ok(())
    }

    /// The end of what it said, for a test that failed.
    pub(crate) fn show(&self) {
        for text in [self.said(), self.complained()] {
            let lines: Vec<&str> = text.lines().collect();
            for line in &lines[lines.len().saturating_sub(60)..] {
                eprintln!("[{}] {line}", self.name);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
