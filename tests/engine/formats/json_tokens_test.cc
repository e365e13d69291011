// The tokenizer uses parts of simdjson that are meant only for simdjson itself (docs/adr/0010).
// These tests check the behaviour that it relies on.
#include "engine/formats/json/json_tokens.h"

#include <simdjson.h>

#include "base/random.h"

namespace engine {
namespace {

// Returns the positions of the tokens of a text whose strings are closed, found byte by byte.
std::vector<uint32_t> starts_of(std::string_view text) {
  std::vector<uint32_t> starts;
  bool in_scalar = false;
  for (uint32_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      if (!in_scalar) starts.push_back(at);  // true"a" is one token, which is refused later
      for (++at; text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
      in_scalar = false;
    } else if (std::string_view("{}[]:,").find(c) != std::string_view::npos) {
      starts.push_back(at);
      in_scalar = false;
    } else if (c == ' ' || c == '\n') {
      in_scalar = false;
    } else if (!in_scalar) {
      starts.push_back(at);
      in_scalar = true;
    }
  }
  return starts;
}

std::string random_text(Random& random) {
  static const std::string_view kPieces[] = {"{",
                                             "}",
                                             "[",
                                             "]",
                                             ":",
                                             ",",
                                             " ",
                                             "\n",
                                             "null ",
                                             "-1.5e3 ",
                                             "\"\" ",
                                             "\"a\" ",
                                             "true ",
                                             "  ",
                                             "\"\\\\\" ",
                                             "\"\\\"[\" ",
                                             "\"gr\xc3\xbc\xc3\x9f{}\" "};
  std::string text = "[";
  const size_t size = random.next() % 300;
  while (text.size() < size) text += kPieces[random.next() % std::size(kPieces)];
  return text;
}

TEST(JsonTokens, equal_those_of_a_byte_by_byte_reader_with_every_instruction_set) {
  const simdjson::implementation* const usual = simdjson::get_active_implementation();
  size_t tried = 0;
  for (const simdjson::implementation* each : simdjson::get_available_implementations()) {
    if (!each->supported_by_runtime_system()) continue;
    simdjson::get_active_implementation() = each;
    ++tried;
    JsonTokenizer tokenizer;
    Random random(4711);
    for (int i = 0; i < 500; ++i) {
      const std::string text = random_text(random);
      JsonTokens tokens;
      ASSERT_EQ(tokenizer.tokenize(text, tokens), nullptr) << each->name() << ": " << text;
      const std::vector<uint32_t> starts(tokens.starts, tokens.starts + tokens.count);
      ASSERT_EQ(starts, starts_of(text)) << each->name() << ": " << text;
      // The end of the last token is where the next would begin.
      ASSERT_EQ(tokens.starts[tokens.count], text.size()) << each->name();
    }
  }
  simdjson::get_active_implementation() = usual;
  EXPECT_GE(tried, 1u);
}

TEST(JsonTokens, come_from_a_simdjson_whose_first_stage_is_known) {
  EXPECT_EQ(simdjson::SIMDJSON_VERSION_MAJOR, 3)
      << "read json_tokens.cc and docs/adr/0010 beside the new version's dom_parser_implementation";
}

}  // namespace
}  // namespace engine
