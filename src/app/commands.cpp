#include "app/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/bench.h"
#include "app/colormaps_command.h"
#include "app/doctor.h"
#include "app/explain.h"
#include "app/from_picture.h"
#include "app/info.h"
#include "app/outputs.h"
#include "app/picture.h"
#include "app/pipeline_files.h"
#include "app/ranks.h"
#include "app/session.h"
#include "app/several.h"
#include "app/viewer.h"
#include "app/writers.h"
#include "dump/dump.h"
#include "dump/escape.h"
#include "figure/atomic_file.h"
#include "gpu/context.h"

namespace divlens {
namespace {

/// Through the descriptor: opening /dev/stdout anew would truncate, or even replace, the file that stands behind it.
void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  const int error = errno;
  if (error == EPIPE) {  // the reader has seen enough: end as other filters do, without a word
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  throw Error(Exit::Output, fmt::format("cannot write standard output: {}", std::strerror(error)));
}

bool binary(Writer writer) { return writer == Writer::Png || writer == Writer::Pdf || writer == Writer::Npy; }

bool toStandardOutput(const Output& output) { return output.path == "-" || output.path == "/dev/stdout"; }

/// An output that is one of the inputs would take its place.
void keepInputs(const Settings& settings) {
  std::vector<std::string> inputs = settings.dumps;
  constexpr std::string_view kFile = "file:";
  if (settings.plan.reference.starts_with(kFile)) inputs.push_back(settings.plan.reference.substr(kFile.size()));
  for (const Output& output : settings.outputs)
    for (const std::string& input : inputs) {
      std::error_code failed;
      if (!std::filesystem::equivalent(output.path, splitDumpName(input).path, failed) || failed) continue;
      throw Error(Exit::Usage,
                  fmt::format("-o {}: that is what is read, the dump itself or its reference, and would be "
                              "lost; name another file",
                              escapedPath(output.path)));
    }
}

/// Opens every output before the long run, so that what cannot be written is known at once; null: standard output.
std::vector<std::unique_ptr<AtomicFile>> openOutputs(const Settings& settings) {
  keepInputs(settings);
  std::vector<std::unique_ptr<AtomicFile>> files;
  for (const Output& output : settings.outputs) {
    if (toStandardOutput(output) && binary(output.format->writer) && isatty(STDOUT_FILENO))
      throw Error(Exit::Usage, fmt::format("{} is binary and standard output is a terminal; name a file with -o",
                                           output.format->name));
    files.push_back(toStandardOutput(output) ? nullptr : std::make_unique<AtomicFile>(output.path));
  }
  return files;
}

/// False where only figures are made of cells that nothing else looks at: there may be many.
bool needsCells(const Session& session, const Settings& settings) {
  const bool data = std::any_of(settings.outputs.begin(), settings.outputs.end(),
                                [](const Output& output) { return !output.format->figure; });
  return data || settings.verify > 0 || settings.figure.ciMask || session.plan.kind != Kind::Scalar;
}

/// What follows the evaluation, in the one process that has the result.
void writeOutputs(Session& session, const Settings& settings, std::vector<std::unique_ptr<AtomicFile>> files) {
  Cells cells;
  if (needsCells(session, settings)) cells = readCells(session, session.result->grid);
  verifyCells(session, cells, settings);
  judgeCells(session, cells, settings);
  std::string printed;
  Pictures pictures(session, settings);
  // Data come first: figures may hide cells, and need none of them here.
  for (const bool figures : {false, true}) {
    if (figures) {
      maskUncertain(session, cells, settings);
      cells = {};
    }
    for (size_t i = 0; i < files.size(); ++i) {
      if (settings.outputs[i].format->figure != figures) continue;
      const std::string bytes = outputBytes(session, cells, settings, settings.outputs[i].format->writer, pictures);
      if (files[i])
        files[i]->write(std::as_bytes(std::span(bytes)));
      else
        printed += bytes;
    }
  }
  checkValidation(*session.context);
  for (const auto& file : files)
    if (file) file->commit();
  savePipelines(*session.context, settings);
  print(printed);
}

/// compute and render in one of several processes: all compute, the first one writes.
void computeTogether(const Settings& settings, const Ranks& ranks) {
  if (settings.dumps.size() > 1)
    throw Error(Exit::Usage, "several dumps in one figure are drawn by one process; run it without mpirun or srun");
  // A lost process ends the job within a second: files beside the outputs could be left behind then.
  if (ranks.rank() == 0) openOutputs(settings);
  Session session;
  session.share = {ranks.rank(), ranks.count(), [&ranks](std::span<uint32_t> bits) { ranks.combine(bits); }};
  session.deviceTurn = ranks.localRank();
  Settings own = settings;
  own.quiet = settings.quiet || ranks.rank() > 0;
  try {
    say(own, fmt::format("{} processes share the work", ranks.count()));
    openSession(session, own);
    if (ranks.rank() == 0) writeOutputs(session, own, openOutputs(settings));
  } catch (const Error& error) {
    if (error.code() != Exit::Terminated) throw;
    throw Error(error.code(),
                fmt::format("process {} of {} was told to stop, since another one was lost or the job was "
                            "cancelled: {}",
                            ranks.rank() + 1, ranks.count(), error.what()));
  }
  if (!session.checkpoint.empty()) unlink(session.checkpoint.c_str());
}

Exit computeOrRender(const Settings& settings) {
  if (!settings.from.empty()) {
    print(commandOfPicture(settings.from) + "\n");
    return Exit::Done;
  }
  catchInterrupts();
  checkFigureOptions(settings);
  const Ranks ranks;
  if (ranks.count() > 1) {
    computeTogether(settings, ranks);
    return Exit::Done;
  }
  std::vector<std::unique_ptr<AtomicFile>> files = openOutputs(settings);
  Session session;
  openSessions(session, settings);
  writeOutputs(session, settings, std::move(files));
  if (!session.checkpoint.empty()) unlink(session.checkpoint.c_str());
  return Exit::Done;
}

Exit showInfo(const Settings& settings) {
  const InfoText info = runInfo(settings);
  print(info.text);
  if (info.error) throw Error(*info.error);
  return Exit::Done;
}

Exit explain(const Settings& settings) {
  print(runExplain(settings));
  return Exit::Done;
}

Exit bench(const Settings& settings) {
  const BenchReport report = runBench(settings);
  print(report.text);
  return report.exit;
}

Exit showDevices(const Settings& settings) {
  const std::vector<gpu::DeviceInfo> devices = gpu::listDevices();
  if (settings.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const gpu::DeviceInfo& d : devices)
      list.push_back(
          {{"index", d.index},
           {"name", d.name},
           {"type", d.type},
           {"driver", d.driver},
           {"api", d.api},
           {"uuid", d.uuid},
           {"memory", d.memory},
           {"rejected", d.rejected.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(d.rejected)}});
    print(nlohmann::ordered_json{{"devices", list}}.dump(1) + "\n");
    return Exit::Done;
  }
  print(gpu::deviceTable(devices));
  return Exit::Done;
}

Exit diagnose(const Settings& settings) {
  const Diagnosis diagnosis = runDoctor(settings);
  print(diagnosis.text);
  return diagnosis.exit;
}

Exit showColormaps(const Settings& settings) {
  print(settings.outputs.empty() ? colormapsText(settings) : drawColormaps(settings));
  return Exit::Done;
}

Exit view(const Settings& settings) {
  runViewer(settings);
  return Exit::Done;
}

struct Handler {
  const char* name;
  Exit (*run)(const Settings&);
};

constexpr Handler kHandlers[] = {{"info", showInfo},
                                 {"compute", computeOrRender},
                                 {"render", computeOrRender},
                                 {"explain", explain},
                                 {"colormaps", showColormaps},
                                 {"devices", showDevices},
                                 {"doctor", diagnose},
                                 {"bench", bench},
                                 {"view", view}};

}  // namespace

Exit runCommand(const Settings& settings) {
  if (!settings.text.empty()) {
    print(settings.text);
    return Exit::Done;
  }
  for (const Handler& handler : kHandlers)
    if (settings.command == handler.name) return handler.run(settings);
  throw Error(Exit::Usage, fmt::format("unknown command '{}'; divlens --help lists them", settings.command));
}

}  // namespace divlens
