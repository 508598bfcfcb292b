# Unrun: no Homebrew where this was written; its syntax is checked.
class DockerCredentialHelpers < Formula
  desc "Docker credential helpers: age-encrypted files, the system's keyring, CI variables"
  homepage "https://github.com/docker-credential-helper/docker-credential-helper"
  url "https://github.com/docker-credential-helper/docker-credential-helper/archive/refs/tags/v0.1.0.tar.gz"
  # The sum of a tag's archive (`curl -L URL | shasum -a 256`) exists no sooner than the tag; without one brew warns, and
  # builds all the same.
  license any_of: ["MIT", "Apache-2.0"]
  head "https://github.com/docker-credential-helper/docker-credential-helper.git", branch: "main"

  depends_on "rust" => :build

  def install
    %w[age env keyring].each do |helper|
      program = "docker-credential-#{helper}"
      system "cargo", "install", *std_cargo_args(path: "helpers/#{helper}")
      generate_completions_from_executable(bin/program, "completions", shells: [:bash, :zsh, :fish])
      mkdir_p man1
      system bin/program, "manual", man1
    end
  end

  def caveats
    <<~EOS
      Make docker use a helper:
        docker-credential-keyring configure
    EOS
  end

  test do
    assert_match "v#{version}", shell_output("#{bin}/docker-credential-age version")
    (testpath/"request").write '{"ServerURL":"https://registry.example.com","Username":"u","Secret":"s"}'
    system "#{bin}/docker-credential-age store < request"
    assert_match '"Secret":"s"', pipe_output("#{bin}/docker-credential-age get", "https://registry.example.com", 0)
  end
end
