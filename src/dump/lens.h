#pragma once
#include <memory>
#include <optional>
#include <string>

#include "dump/dump.h"

namespace divlens {

/// What a model does between its last hidden state and its logits: z = cap·tanh(scale·(W·norm(h) + b) / cap).
struct Lens {
  Tensor unembedding;              ///< W [vocab, hidden]
  std::optional<Tensor> headBias;  ///< b [vocab]
  /// The final norm; none: rows are multiplied by W as they are.
  enum class Norm { None, Rms, Layer } norm = Norm::None;
  std::optional<Tensor> weight, bias;  ///< of the norm, [hidden]; none: 1 and 0
  bool addsOne = false;                ///< the norm's weight is stored less 1 (Gemma)
  double epsilon = 0;
  /// Of a tuned lens: for each layer A [hidden, hidden] and b [hidden], h + A h + b takes the place of h.
  struct Translator {
    Tensor matrix;
    std::optional<Tensor> bias;
  };
  std::vector<Translator> translators;
  double scale = 1;
  double softcap = 0;  ///< 0: no cap
  std::string text;    ///< for messages: the folder or the file and tensor
  int64_t vocab() const { return unembedding.shape[0]; }
  int64_t hidden() const { return unembedding.shape[1]; }
  /// "RMSNorm (eps 1e-05), unembedding model.embed_tokens.weight [49152, 576]".
  std::string about() const;
};

/// The final norm and unembedding of a checkpoint as Hugging Face writes it, as its config.json says; only those
/// tensors need be there. Error(BadInput) that says what was looked for.
Lens openLens(const std::string& folder, const OpenOptions& options);
/// Gives a lens the translators of a tuned lens: tensors N.weight [hidden, hidden] and N.bias of layer N in a folder's
/// safetensors file.
void addTranslators(Lens& lens, const std::string& folder, const OpenOptions& options);
/// FILE:TENSOR, a matrix [vocab, hidden] or, for a model of that width, [hidden, vocab]; `hidden`: 0 where unknown.
Lens openUnembedding(const std::string& text, int64_t hidden, const OpenOptions& options);

}  // namespace divlens
