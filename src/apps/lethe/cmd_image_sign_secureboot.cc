// lethe image sign-secureboot: the Authenticode signature of a UKI, made elsewhere and attached
// here, or made here; and back to the unsigned bytes.
// Exit codes: 0 ok, 3 a signature over other bytes or by another key, 4 a broken image, signature
// or certificate.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "base/file.h"
#include "crypto/authenticode.h"
#include "image/capture.h"
#include "image/pe_signature.h"

namespace lethe::cli {
namespace {

constexpr uint64_t kMaxInputBytes = 1 << 20;  // keys, certificates, signatures

struct Options {
  std::string image;
  bool digest = false;
  bool remove = false;
  std::string signature;
  std::string raw_signature;
  std::string key;
  std::string certificate;
  std::string output;
  std::string to_be_signed;
  std::string detached;
};

struct Input {
  image::MappedFile file;
  image::PeImage pe;
  crypto::Sha256Digest digest;
};

Result<Input> Load(const std::string& path) {
  Input input{LETHE_TRY(image::MapFile(path)), {}, {}};
  input.pe = LETHE_TRY_IN(image::ReadPe(input.file.bytes), path);
  input.digest = image::AuthenticodeDigest(input.file.bytes, input.pe);
  return input;
}

Result<std::string> ReadInput(const std::string& path) { return ReadFile(path, kMaxInputBytes); }

Result<int> PrintDigest(const Options& options, const Input& input, bool json) {
  if (!options.to_be_signed.empty()) {
    LETHE_TRY(WriteFileAtomic(options.to_be_signed, crypto::AuthenticodeToBeSigned(input.digest)));
  }
  if (json) {
    PrintJson(json::Object{{"authenticode_sha256", input.digest.Hex()},
                           {"signed", input.pe.certificates_bytes != 0}});
  } else {
    fmt::print("{}\n", input.digest.Hex());
  }
  return 0;
}

Result<int> Remove(const Options& options, const Input& input, bool json) {
  const std::string bytes = LETHE_TRY(image::RemovePeSignature(input.file.bytes));
  LETHE_TRY(WriteFileAtomic(options.output, bytes));
  const std::string sha256 = crypto::Sha256Of(bytes).Hex();
  if (json) {
    PrintJson(json::Object{{"output", options.output},
                           {"sha256", sha256},
                           {"authenticode_sha256", input.digest.Hex()}});
  } else {
    fmt::print("{}\n  sha256  {}\n", options.output, sha256);
  }
  return 0;
}

Result<std::string> MakeSignature(const Options& options, const crypto::Sha256Digest& digest) {
  if (!options.signature.empty()) return ReadInput(options.signature);
  const std::string certificate =
      LETHE_TRY_IN(ReadInput(options.certificate), "reading the certificate");
  if (!options.key.empty()) {
    return crypto::SignAuthenticode(digest, {LETHE_TRY(ReadInput(options.key)), certificate});
  }
  return crypto::WrapAuthenticode(digest,
                                  {LETHE_TRY(ReadInput(options.raw_signature)), certificate});
}

Result<int> Sign(const Options& options, const Input& input, bool json) {
  const std::string pkcs7 = LETHE_TRY(MakeSignature(options, input.digest));
  std::optional<std::string> trusted;
  if (!options.certificate.empty()) trusted = LETHE_TRY(ReadInput(options.certificate));
  const auto signer = LETHE_TRY_IN(crypto::VerifyAuthenticode(pkcs7, input.digest, trusted),
                                   options.signature.empty() ? "signing" : options.signature);
  if (!options.detached.empty()) LETHE_TRY(WriteFileAtomic(options.detached, pkcs7));
  std::string sha256;
  if (!options.output.empty()) {
    const std::string bytes =
        LETHE_TRY_IN(image::AttachPeSignature(input.file.bytes, pkcs7), options.image);
    LETHE_TRY(WriteFileAtomic(options.output, bytes));
    sha256 = crypto::Sha256Of(bytes).Hex();
  }
  if (json) {
    PrintJson(json::Object{{"output", options.output},
                           {"sha256", sha256},
                           {"detached", options.detached},
                           {"authenticode_sha256", input.digest.Hex()},
                           {"signer", signer.subject},
                           {"signer_certificate_sha256", signer.certificate_sha256.Hex()}});
    return 0;
  }
  fmt::print("{}\n", options.output.empty() ? options.detached : options.output);
  if (!sha256.empty()) fmt::print("  sha256       {}\n", sha256);
  fmt::print("  signed by    {}\n  certificate  sha256 {}\n", signer.subject,
             signer.certificate_sha256.Hex());
  return 0;
}

// What CLI11's own rules about options that need or exclude each other cannot say.
Status CheckUsage(const Options& options) {
  const int modes = (options.digest ? 1 : 0) + (options.remove ? 1 : 0) +
                    (options.signature.empty() ? 0 : 1) + (options.raw_signature.empty() ? 0 : 1) +
                    (options.key.empty() ? 0 : 1);
  if (modes != 1)
    return Error{ErrorCode::kUsage,
                 "exactly one of --digest, --signature, --raw-signature, --key and --remove"};
  if (!options.digest && options.output.empty() && (options.remove || options.detached.empty()))
    return Error{ErrorCode::kUsage, "--output is needed"};
  return {};
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  LETHE_TRY(CheckUsage(options));
  const Input input = LETHE_TRY(Load(options.image));
  if (options.digest) return PrintDigest(options, input, global.json);
  if (options.remove) return Remove(options, input, global.json);
  return Sign(options, input, global.json);
}

}  // namespace

Action DeclareImageSignSecureboot(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("uki", options->image, "the unified kernel image (.efi)")->required();
  auto* digest = app.add_flag("--digest", options->digest, "print the Authenticode SHA-256");
  app.add_option("--to-be-signed", options->to_be_signed,
                 "with --digest: write the bytes that a key has to sign, RSA with SHA-256")
      ->needs(digest);
  app.add_option("--signature", options->signature,
                 "attach this detached signature (PKCS #7 in DER)");
  auto* certificate = app.add_option("--certificate", options->certificate,
                                     "the signer's certificate in PEM, or one that it chains to");
  app.add_option("--raw-signature", options->raw_signature,
                 "attach an RSA signature of the bytes of --to-be-signed")
      ->needs(certificate);
  app.add_option("--key", options->key, "sign here with this private key in PEM")
      ->needs(certificate);
  app.add_flag("--remove", options->remove, "write the image without its signature");
  app.add_option("--output", options->output, "the result");
  app.add_option("--detached", options->detached,
                 "write the signature alone (PKCS #7 in DER), to be committed");
  app.footer(
      "The key on another machine:\n"
      "  lethe image sign-secureboot x.efi --digest --to-be-signed x.tbs\n"
      "  openssl dgst -sha256 -sign db.key -out x.sig x.tbs      (there)\n"
      "  lethe image sign-secureboot x.efi --raw-signature x.sig --certificate db.pem \\\n"
      "    --detached x.p7 --output x.signed.efi\n"
      "A signature that is committed:\n"
      "  lethe image sign-secureboot x.efi --signature x.p7 --output x.signed.efi");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
