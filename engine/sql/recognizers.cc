#include "engine/sql/recognizers.h"

namespace engine {

namespace {

// A thread discards its learned tables when their DFAs have more states than this, which take about 50 MB. All of
// ksqlDB's public test cases together need a tenth of this number.
constexpr size_t kMaxStates = 20'000;
constexpr size_t kUsesBetweenLooks =
    64;  // not 1, because counting states costs about as much as a small statement

template <class Recognizer>
LearnedTables& tables_of_this_thread(const Recognizer& any) {
  thread_local LearnedTables tables(any.getSerializedATN());
  return tables;
}

}  // namespace

LearnedTables::LearnedTables(const std::vector<uint16_t>& serialized_network)
    : network(antlr4::atn::ATNDeserializer().deserialize(serialized_network)) {
  make_decisions();
}

void LearnedTables::make_decisions() {
  decisions.clear();
  const size_t count = network.getNumberOfDecisions();
  decisions.reserve(count);
  for (size_t i = 0; i < count; ++i) decisions.emplace_back(network.getDecisionState(i), i);
}

void LearnedTables::forget_if_large() {
  if (++uses_ % kUsesBetweenLooks != 0) return;
  size_t states = 0;
  for (const antlr4::dfa::DFA& decision : decisions) states += decision.states.size();
  if (states <= kMaxStates) return;
  make_decisions();
  contexts.clear();
}

// The base class has created an interpreter with the shared tables; setInterpreter() deletes it.
ThreadLexer::ThreadLexer(antlr4::CharStream* input)
    : MillraceLexer(input), tables_(tables_of_this_thread(static_cast<MillraceLexer&>(*this))) {
  tables_.forget_if_large();
  setInterpreter(new antlr4::atn::LexerATNSimulator(this, tables_.network, tables_.decisions,
                                                    tables_.contexts));
}

ThreadParser::ThreadParser(antlr4::TokenStream* tokens)
    : MillraceParser(tokens), tables_(tables_of_this_thread(static_cast<MillraceParser&>(*this))) {
  tables_.forget_if_large();
  setInterpreter(new antlr4::atn::ParserATNSimulator(this, tables_.network, tables_.decisions,
                                                     tables_.contexts));
}

}  // namespace engine
