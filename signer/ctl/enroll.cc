// SPDX-License-Identifier: Apache-2.0

#include "ctl/enroll.h"

#include "base/file.h"
#include "base/secret_file.h"
#include "ctl/helper.h"
#include "ctl/input.h"
#include "ctl/text.h"
#include "evidence/enrolment.h"

namespace signer::ctl {

namespace {

constexpr const char* kTpmProgram = "signer-tpm";

// To the file, or as the command's output.
Outcome written(const Context& context, const std::string& out, const std::string& content, const std::string& said,
                mode_t mode = 0644) {
  if (out == "-") return {Exit::kYes, content, ""};
  if (const auto done = write_file_atomically(out, content, mode); !done)
    return failed(context, Exit::kUsage, done.error());
  return {Exit::kYes, context.json ? machine({{"file", out}}) : said + " Written to " + printable(out) + ".\n", ""};
}

Result<jose::Json, Outcome> ask_enroller(const Context& context, const EnrollOptions& options,
                                         std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--tcti", options.tcti, "--key-directory", options.key_directory});
  return ask_helper(
      context, {.name = kTpmProgram, .given = options.program, .arguments = std::move(arguments), .environment = {}});
}

std::string reasons(const evidence::Judgement& judgement) {
  std::string text = judgement.reason + "\n";
  for (const evidence::Check& check : judgement.checks) {
    text += "  " + std::string(evidence::to_string(check.finding)) + "  " + check.name + ": " + check.found + ". " +
            check.meaning + "\n";
  }
  return text;
}

}  // namespace

Outcome enroll_show(const Context& context, const EnrollOptions& options) {
  const auto card = ask_enroller(context, options, {"ak-show"});
  if (!card) return card.error();
  return written(context, options.out, jose::dump_json(*card) + "\n", "Give it to the auditor.");
}

Outcome enroll_challenge(const Context& context, const EnrollOptions& options) {
  const auto trust = read_trust(options.trust);
  if (!trust) return failed(context, Exit::kUsage, trust.error());
  const auto text = read_source(options.file, context.input_fd, evidence::kCardBytesMax);
  if (!text) return failed(context, Exit::kUsage, text.error());
  const auto card = evidence::read_card(*text, *trust);
  if (!card) return failed(context, Exit::kUsage, card.error());
  if (card->judgement.grade == evidence::Grade::kFailed) {
    return {Exit::kNo, "", "signerctl: no challenge was made. " + reasons(card->judgement)};
  }
  const auto files = evidence::challenge_card(*card);
  if (!files) return failed(context, Exit::kUsage, files.error());
  if (const auto kept = write_file_atomically(options.kept, files->kept); !kept)
    return failed(context, Exit::kUsage, kept.error());
  return written(context, options.out, files->challenge,
                 "Give it to the operator; keep " + printable(options.kept) + " to yourself.");
}

Outcome enroll_answer(const Context& context, const EnrollOptions& options) {
  const auto answer = ask_enroller(context, options, {"ak-activate", "--challenge", options.file});
  if (!answer) return answer.error();
  return written(context, options.out, jose::dump_json(*answer) + "\n", "Give it to the auditor.", 0600);
}

Outcome enroll_accept(const Context& context, const EnrollOptions& options) {
  const auto answer = read_source(options.file, context.input_fd, evidence::kAnswerBytesMax);
  if (!answer) return failed(context, Exit::kUsage, answer.error());
  const auto kept = read_secret_text(options.kept, evidence::kAnswerBytesMax);
  if (!kept) return failed(context, Exit::kUsage, kept.error());
  const auto key = evidence::accept_answer(*answer, kept->secret.reveal());
  if (!key) return failed(context, key.error().code == ErrorCode::kDenied ? Exit::kNo : Exit::kUsage, key.error());
  return written(context, options.out, evidence::enrolled_text(*key), "The attestation key is in that TPM.");
}

}  // namespace signer::ctl
