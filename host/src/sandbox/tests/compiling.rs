//! The compiling child, real and pretended.

use super::*;
use crate::model::{Fault, Span};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

/// The environment variable in which the pretended program hands over to
/// `the_child_itself`.
const AS_CHILD: &str = "TIDEGATE_TEST_AS_CHILD";

/// A program that does what the script says.
fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("compiler");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A program that is the real child: this test program, as `the_child_itself`.
fn real(folder: &Path) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let test = "sandbox::tests::compiling::the_child_itself";
    program(folder, &format!("{AS_CHILD}=$1 exec '{}' --exact --nocapture '{test}'", this.display()))
}

/// Not a test by itself: the program of `real` comes in here.
#[test]
fn the_child_itself() {
    if std::env::var(AS_CHILD).is_ok_and(|command| command == "compile-worker") {
        // What the test program has printed so far is not the last line.
        println!();
        assert_eq!(compile_worker(), ExitCode::SUCCESS);
        std::process::exit(0);
    }
}

struct Shop {
    folder: tempfile::TempDir,
    config: Config,
}

impl Shop {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), config: Config::default() }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn open(&self, compiler: PathBuf) -> Sandbox {
        let (config, cache) = (self.config.clone(), self.cache());
        Sandbox::new(Setup { config, clock: Clock::system(), compiler: Some(compiler), cache }).unwrap()
    }

    async fn refusal(&self, script: &str) -> Error {
        let sandbox = self.open(program(self.folder.path(), script));
        let error = sandbox.load(Guest::default().build()).await.err().unwrap();
        assert_eq!(fs::read_dir(self.cache().join("staging")).unwrap().count(), 0, "nothing is left");
        assert_eq!(sandbox.0.cache.cache_misses(), 0, "the host itself compiled");
        error
    }
}

#[tokio::test]
async fn the_child_compiles_and_the_host_finds_it_in_the_cache() {
    let shop = Shop::new();
    let sandbox = shop.open(real(shop.folder.path()));
    let plugin = sandbox.load(Guest::default().build()).await.unwrap();
    assert_eq!(plugin.describe(step()).await.result.unwrap(), "{}");
    assert_eq!((sandbox.0.cache.cache_hits(), sandbox.0.cache.cache_misses()), (1, 0));
    assert_eq!(fs::read_dir(shop.cache().join("staging")).unwrap().count(), 0);
    // Another host on the same folder needs no child.
    let again = shop.open(program(shop.folder.path(), "exit 1"));
    again.load(Guest::default().build()).await.unwrap();
    assert_eq!((again.0.cache.cache_hits(), again.0.cache.cache_misses()), (1, 0));
}

#[tokio::test]
async fn what_has_gone_from_the_cache_is_compiled_again() {
    let shop = Shop::new();
    let sandbox = shop.open(real(shop.folder.path()));
    sandbox.load(Guest::default().build()).await.unwrap();
    // In one stroke: the cache's own thread may be writing into it.
    fs::rename(shop.cache().join("modules"), shop.folder.path().join("gone")).unwrap();
    sandbox.load(Guest::default().build()).await.unwrap();
    assert_eq!((sandbox.0.cache.cache_hits(), sandbox.0.cache.cache_misses()), (2, 0));
}

#[tokio::test]
async fn what_the_compiler_refuses_is_told_in_its_words() {
    let shop = Shop::new();
    let sandbox = shop.open(real(shop.folder.path()));
    // Function bodies are checked by the compiler only.
    let invalid = wat::parse_str(
        r#"(component (core module (func (result i32)))
            (instance $i) (export "tidegate:connect/channel-type@0.1.0" (instance $i)))"#,
    );
    let error = sandbox.load(invalid.unwrap().into()).await.err().unwrap();
    assert_eq!((error.code(), error.fault()), ("compile.failed", Fault::Invalid));
    assert!(error.to_string().contains("type mismatch"), "{error}");
}

#[tokio::test]
async fn a_broken_file_of_the_cache_does_not_stop_the_host() {
    let shop = Shop::new();
    let sandbox = shop.open(real(shop.folder.path()));
    sandbox.load(Guest::default().build()).await.unwrap();
    let modules = fs::read_dir(shop.cache().join("modules")).unwrap();
    for file in modules.flatten().flat_map(|version| fs::read_dir(version.path()).unwrap().flatten()) {
        fs::write(file.path(), "broken").unwrap();
    }
    let again = shop.open(program(shop.folder.path(), "exit 1"));
    let plugin = again.load(Guest::default().build()).await.unwrap();
    assert_eq!(plugin.describe(step()).await.result.unwrap(), "{}");
}

#[tokio::test]
async fn a_compiler_of_another_version_is_not_used() {
    let shop = Shop::new();
    let this = std::env::current_exe().unwrap();
    let test = "sandbox::tests::compiling::the_child_itself";
    // Hands on the order with the fingerprint of another engine in it.
    let script = format!(
        r#"read -r order
        {{ echo "$order" | sed 's/"engine":"[0-9a-f]*"/"engine":"00"/'; cat; }} |
            {AS_CHILD}=$1 '{}' --exact --nocapture '{test}'"#,
        this.display()
    );
    let error = shop.refusal(&script).await;
    assert!(error.to_string().ends_with("restart the host"), "{error}");
}

#[tokio::test]
async fn too_little_memory_for_the_compiler_is_named() {
    let mut shop = Shop::new();
    // Enough to start, and too little for the engine's threads or code.
    shop.config.compile_memory = Size::mib(40);
    let sandbox = shop.open(real(shop.folder.path()));
    let many: String = (0..200)
        .map(|n| {
            format!(
                "(func (export \"f{n}\") (param f64) (result f64) {})",
                "(f64.sqrt ".repeat(200) + "(local.get 0)" + &")".repeat(200)
            )
        })
        .collect();
    let guest = Guest { items: Box::leak(many.into_boxed_str()), ..Guest::default() };
    let error = sandbox.load(guest.build()).await.err().unwrap();
    assert_eq!(error.code(), "compile.memory", "{error}");
    assert!(error.to_string().ends_with("40MiB of memory (`sandbox.compile-memory`)"), "{error}");
    assert_eq!(sandbox.0.cache.cache_misses(), 0, "the host itself compiled");
}

#[tokio::test]
async fn every_end_of_the_child_has_its_name() {
    let mut shop = Shop::new();
    shop.config.compile_wall = Span::millis(300);
    let check = async |script: &str, code: &str, words: &str| {
        let error = shop.refusal(script).await;
        assert_eq!(error.code(), code, "{script}: {error}");
        assert!(error.to_string().contains(words), "{script}: {error}");
    };
    check("exec sleep 60", "compile.timeout", "longer than 300ms (`sandbox.compile-wall`)").await;
    check("kill -XCPU $$", "compile.timeout", "longer than 2m (`sandbox.compile-cpu`)").await;
    check("kill -KILL $$", "compile.memory", "`sandbox.compile-memory`").await;
    check("echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$", "compile.memory", "3GiB").await;
    check("kill -ABRT $$", "compile.failed", "signal 6").await;
    check("kill -SEGV $$", "compile.failed", "signal 11").await;
    check("echo oops >&2; exit 101", "compile.failed", "oops").await;
    check("exit 0", "compile.failed", "exit status: 0").await;
    check("echo nonsense", "compile.failed", "exit status: 0").await;
    check("yes", "compile.failed", "").await;
    check("cat >/dev/null; echo '\"done\"'", "compile.failed", "left nothing in the cache").await;
    let refused = r#"cat >/dev/null; echo '{"refused":{"message":"no good","out-of-memory":false}}'"#;
    check(refused, "compile.failed", "cannot be compiled: no good").await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_the_hosts_fault() {
    let shop = Shop::new();
    let sandbox = shop.open(shop.folder.path().join("nowhere"));
    let error = sandbox.load(Guest::default().build()).await.err().unwrap();
    assert_eq!((error.code(), error.fault()), ("compile.start", Fault::Bug));
}

#[tokio::test]
async fn the_child_sees_nothing_of_the_hosts_environment() {
    let shop = Shop::new();
    let seen = shop.folder.path().join("seen");
    shop.refusal(&format!("env > '{}'; pwd >> '{0}'; cat >/dev/null; exit 1", seen.display())).await;
    let seen = fs::read_to_string(seen).unwrap();
    // A shell sets some of its own.
    let own = ["MALLOC_ARENA_MAX=", "RAYON_NUM_THREADS=", "PWD=", "OLDPWD=", "SHLVL=", "_="];
    let others: Vec<&str> =
        seen.lines().filter(|line| !own.iter().any(|own| line.starts_with(own))).collect();
    assert_eq!(others, ["/"], "the folder, and nothing else");
}

#[tokio::test]
async fn the_cache_folder_is_the_hosts_alone() {
    let shop = Shop::new();
    fs::create_dir(shop.cache()).unwrap();
    fs::set_permissions(shop.cache(), fs::Permissions::from_mode(0o777)).unwrap();
    let open = |cache: PathBuf| {
        Sandbox::new(Setup { config: Config::default(), clock: Clock::system(), compiler: None, cache })
    };
    open(shop.cache()).unwrap();
    assert_eq!(fs::metadata(shop.cache()).unwrap().permissions().mode() & 0o777, 0o700);
    let link = shop.folder.path().join("link");
    symlink(shop.cache(), &link).unwrap();
    let file = shop.folder.path().join("file");
    fs::write(&file, "").unwrap();
    for bad in [link, file, PathBuf::from("/proc/nowhere")] {
        assert_eq!(open(bad).err().unwrap().code(), "sandbox.cache");
    }
}

#[tokio::test]
async fn what_a_killed_host_left_is_swept_away_when_it_is_old() {
    let shop = Shop::new();
    let staging = shop.cache().join("staging");
    fs::create_dir_all(staging.join("left")).unwrap();
    let open = |clock| {
        let (config, cache) = (Config::default(), shop.cache());
        Sandbox::new(Setup { config, clock, compiler: None, cache }).unwrap()
    };
    open(Clock::system());
    assert!(staging.join("left").exists(), "another host may be at work on it");
    let later = Clock::manual(Clock::system().now());
    later.advance(std::time::Duration::from_secs(2 * 60 * 60));
    open(later);
    assert!(!staging.join("left").exists());
}
