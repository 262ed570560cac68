#include "petrel/base/go_quote.h"
#include "petrel/proto/parser.h"

namespace petrel::proto {

namespace {

constexpr size_t kSnippetBytes = 32;

// nats-server cuts one byte too many when less than a full snippet is left; so do we.
Slice snippet(Slice bytes) {
  if (bytes.size() >= kSnippetBytes) return bytes.substr(0, kSnippetBytes);
  return bytes.empty() ? bytes : bytes.substr(0, bytes.size() - 1);
}

Slice operation_name(OpKind kind) {
  switch (kind) {
    case OpKind::kPub:
      return "processPub";
    case OpKind::kHpub:
      return "processHeaderPub";
    case OpKind::kSub:
      return "processSub";
    default:
      return "processUnsub";
  }
}

Slice reason(BadArguments why) {
  switch (why) {
    case BadArguments::kSize:
      return "Bad or Missing Size";
    case BadArguments::kHeaderSize:
      return "Bad or Missing Header Size";
    case BadArguments::kTotalSize:
      return "Bad or Missing Total Size";
    case BadArguments::kHeaderLargerThanTotal:
      return "Header Size larger then TotalSize";
    default:
      return "Parse Error";
  }
}

std::string describe_arguments(const ParseError& error) {
  if (error.arguments == BadArguments::kHeadersNotSupported) {
    return "message headers not supported";
  }
  std::string text(operation_name(error.operation));
  text += ' ';
  text += reason(error.arguments);
  text += ": ";
  append_go_quote(text, error.args);
  return text;
}

}  // namespace

std::string describe_error(Slice bytes_at_error, uint8_t state, size_t offset) {
  std::string text = "Client parser ERROR, state=" + std::to_string(state) +
                     ", i=" + std::to_string(offset) + ": proto='";
  append_go_quote(text, snippet(bytes_at_error));
  text += "...'";
  return text;
}

std::string describe_error(const ParseError& error, Slice bytes_at_error, size_t offset) {
  switch (error.kind) {
    case ParseErrorKind::kUnknownOperation:
      return describe_error(bytes_at_error, error.state, offset);
    case ParseErrorKind::kControlLineTooLong:
      return "maximum control line exceeded";
    case ParseErrorKind::kMaxPayload:
      return "maximum payload exceeded: " + std::to_string(error.announced_bytes) + " vs " +
             std::to_string(error.allowed_bytes);
    case ParseErrorKind::kAuthorization:
      return "authentication error";
    case ParseErrorKind::kSilent:
      break;
  }
  return describe_arguments(error);
}

}  // namespace petrel::proto
