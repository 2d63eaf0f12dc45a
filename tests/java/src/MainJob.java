import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import org.mlflow.api.proto.ModelRegistry.ModelVersion;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunInfo;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.MlflowClientException;
import org.mlflow.tracking.creds.BasicMlflowHostCreds;

/** Experiment, run, batch, search and registry, as a Java program does it. */
public final class MainJob {
  public static void main(String[] arguments) throws Exception {
    var credentials =
        new BasicMlflowHostCreds(System.getenv("MARU_URL"), System.getenv("MARU_TOKEN"));
    try (var client = new MlflowClient(credentials)) {
      String runId = track(client);
      register(client, runId);
      refuse(client, runId);
    }
    System.out.println("done");
  }

  private static String track(MlflowClient client) throws Exception {
    String experiment = client.createExperiment("java");
    client.setExperimentTag(experiment, "language", "java");
    check(client.getExperimentByName("java").get().getExperimentId().equals(experiment));
    RunInfo run = client.createRun(experiment);
    String id = run.getRunId();
    client.logParam(id, "depth", "3");
    client.logMetric(id, "loss", 0.5, 1000, 0);
    client.setTag(id, "team", "a");
    client.logBatch(
        id,
        List.of(metric("loss", 0.25, 1), metric("loss", 0.125, 2)),
        List.of(Param.newBuilder().setKey("name").setValue("é").build()),
        List.of(RunTag.newBuilder().setKey("more").setValue("yes").build()));
    check(client.getMetricHistory(id, "loss").size() == 3);
    var found =
        client.searchRuns(
            List.of(experiment), "metrics.loss < 0.2 and tags.team = 'a'", ViewType.ACTIVE_ONLY, 10);
    check(found.getItems().size() == 1);
    Run read = client.getRun(id);
    check(read.getData().getParamsCount() == 2);
    check(read.getData().getMetrics(0).getValue() == 0.125);
    client.setTerminated(id, RunStatus.FINISHED);
    check(client.getRun(id).getInfo().getStatus() == RunStatus.FINISHED);
    var file = Files.createTempFile("note", ".txt");
    Files.writeString(file, "hello");
    client.logArtifact(id, file.toFile(), "notes");
    Files.delete(file);
    check(client.listArtifacts(id).get(0).getPath().equals("notes"));
    check(client.listArtifacts(id, "notes").get(0).getFileSize() == 5);
    return id;
  }

  private static void register(MlflowClient client, String runId) {
    client.sendPost("registered-models/create", "{\"name\": \"java-model\"}");
    client.sendPost(
        "model-versions/create",
        "{\"name\": \"java-model\", \"source\": \"runs:/" + runId + "/model\", \"run_id\": \""
            + runId + "\"}");
    List<ModelVersion> latest = client.getLatestVersions("java-model");
    check(latest.size() == 1 && latest.get(0).getVersion().equals("1"));
    check(client.getModelVersion("java-model", "1").getRunId().equals(runId));
    check(client.searchModelVersions("name = 'java-model'").getItems().size() == 1);
  }

  private static void refuse(MlflowClient client, String runId) {
    try {
      client.logParam(runId, "depth", "4");
    } catch (MlflowClientException error) {
      check(error.getMessage().contains("Changing param values is not allowed"));
      check(client.getExperimentByName("nothing").equals(Optional.empty()));
      return;
    }
    throw new AssertionError("a parameter was changed");
  }

  private static Metric metric(String key, double value, long step) {
    return Metric.newBuilder()
        .setKey(key).setValue(value).setStep(step).setTimestamp(2000 + step).build();
  }

  private static void check(boolean holds) {
    if (!holds) throw new AssertionError();
  }
}
