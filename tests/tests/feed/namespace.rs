//! A network of its own for one process, whose link a test can slow and cut. Dropped, it is gone.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use pannier_tests::{command, finished};

/// A namespace joined to the rest of the machine by a pair of interfaces.
pub struct Namespace {
    name: String,
    /// The end of the link that lies outside.
    link: String,
    /// Address of the outside, seen from the inside.
    pub outside: String,
    /// Address of the inside, seen from the outside.
    pub inside: String,
}

impl Namespace {
    /// Makes one. Addresses are of a range that is kept for measurements between networks
    /// (RFC 2544), so that nobody's own network is hidden.
    ///
    /// # Errors
    /// Where the system does not permit it.
    pub fn make() -> anyhow::Result<Self> {
        let id = std::process::id();
        let net = format!("198.18.{}", id / 64 % 256);
        let first = id % 64 * 4;
        let made = Self {
            name: format!("pannier-{id}"),
            link: format!("pannier{id}"),
            outside: format!("{net}.{}", first + 1),
            inside: format!("{net}.{}", first + 2),
        };
        let Self {
            name,
            link,
            outside,
            inside,
        } = &made;
        ip(&format!("netns add {name}"))?;
        ip(&format!(
            "link add {link} type veth peer name eth0 netns {name}"
        ))?;
        ip(&format!("addr add {outside}/30 dev {link}"))?;
        ip(&format!("-n {name} addr add {inside}/30 dev eth0"))?;
        ip(&format!("-n {name} link set lo up"))?;
        ip(&format!("-n {name} link set eth0 up"))?;
        made.join()?;
        Ok(made)
    }

    /// The program, to be run inside.
    pub fn program(&self, folder: &Path) -> anyhow::Result<Command> {
        let plain = command(folder)?;
        let mut inside = Command::new("ip");
        inside
            .args(["netns", "exec", &self.name])
            .arg(plain.get_program());
        inside.current_dir(folder);
        for (name, _) in plain.get_envs() {
            inside.env_remove(name);
        }
        Ok(inside)
    }

    /// Cuts the link: what is sent is lost, and nobody is told.
    pub fn cut(&self) -> anyhow::Result<()> {
        ip(&format!("link set {} down", self.link))
    }

    /// Joins it again.
    pub fn join(&self) -> anyhow::Result<()> {
        ip(&format!("link set {} up", self.link))
    }

    /// Makes the inside send a million bits a second, and later where the kernel can do that too.
    ///
    /// # Errors
    /// Where the kernel can do neither.
    pub fn slow(&self) -> anyhow::Result<()> {
        let dev = format!("-n {} qdisc add dev eth0 root", self.name);
        let ways = [
            "netem delay 20ms rate 1mbit",
            "tbf rate 1mbit burst 16kb latency 2s",
        ];
        let mut reason = None;
        for way in ways {
            match run("tc", &format!("{dev} {way}")) {
                Ok(_) => return Ok(()),
                Err(error) => reason = Some(error),
            }
        }
        Err(reason.context("no way to slow a link")?)
    }

    /// Bytes that came through since it is slow.
    pub fn came_slowly(&self) -> anyhow::Result<u64> {
        let said = run("tc", &format!("-n {} -s qdisc show dev eth0", self.name))?;
        let sent = said.split_once("Sent ").context("nothing is told")?.1;
        Ok(sent.split(' ').next().unwrap_or_default().parse()?)
    }

    /// Lets the inside send as fast as it can.
    pub fn hurry(&self) -> anyhow::Result<()> {
        run("tc", &format!("-n {} qdisc del dev eth0 root", self.name))?;
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The link goes with the namespace, and at once where it is removed first.
        for gone in [
            format!("link del {}", self.link),
            format!("netns del {}", self.name),
        ] {
            drop(ip(&gone));
        }
    }
}

fn ip(args: &str) -> anyhow::Result<()> {
    run("ip", args)?;
    Ok(())
}

fn run(program: &str, args: &str) -> anyhow::Result<String> {
    let ran = finished(Command::new(program).args(args.split_whitespace()))?;
    ensure!(ran.code == Some(0), "{program} {args}: {}", ran.err.trim());
    Ok(ran.out)
}
