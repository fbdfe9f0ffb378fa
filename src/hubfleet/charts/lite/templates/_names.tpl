{{- define "lite.labels" -}}
{{ include "lite.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "lite.selector" -}}
app.kubernetes.io/name: lite
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* A value of the Secret `hub`: as given, or as it is in the cluster already, or new. */}}
{{- define "lite.kept" -}}
{{- $there := (lookup "v1" "Secret" .root.Release.Namespace "hub" | default dict).data | default dict -}}
{{- .given | default (index $there .key | default "" | b64dec) | default .new -}}
{{- end }}

{{- define "lite.pod-security" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "lite.container-security" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- end }}
