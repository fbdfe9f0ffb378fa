{{- define "labeller.labels" -}}
{{ include "labeller.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "labeller.selector" -}}
app.kubernetes.io/name: labeller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Who the labeller is, what it may do, and what it reads. `name` is theirs all; `hook` the annotations of a hook. */}}
{{- define "labeller.rights" -}}
{{- $root := .root }}
{{- $metadata := printf "labels: %s" (include "labeller.labels" $root | nindent 4) }}
{{- with .hook }}{{ $metadata = printf "%s\n  annotations: %s" $metadata (toYaml . | nindent 4) }}{{ end }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  {{ $metadata }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  {{ $metadata }}
data:
  labeller.py: |
    {{- $root.Files.Get "files/labeller.py" | nindent 4 }}
  pools.json: {{ $root.Values.pools | toJson | quote }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $root.Release.Namespace }}-{{ .name }}
  {{ $metadata }}
rules:
  - apiGroups: [""]
    resources: [nodes]
    verbs: [get, list, watch, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $root.Release.Namespace }}-{{ .name }}
  {{ $metadata }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $root.Release.Namespace }}-{{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .name }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}

{{- /* A pod that runs the program. `how` is its argument. */}}
{{- define "labeller.pod" -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ .name }}
enableServiceLinks: false
terminationGracePeriodSeconds: 5
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile:
    type: RuntimeDefault
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: labeller
    image: {{ printf "%s:%v" $values.image.name $values.image.tag | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    command: [python3, -u, /etc/labeller/labeller.py, {{ .how }}]
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    {{- with $values.resources }}
    resources: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if eq .how "follow" }}
    # Up as soon as every node has what it should: who waits for the Deployment waits for that.
    startupProbe:
      exec: {command: [python3, -c, "open('/run/labeller/ready')"]}
      periodSeconds: 1
      timeoutSeconds: 5
      failureThreshold: 600
    {{- end }}
    volumeMounts:
      - {name: program, mountPath: /etc/labeller}
      - {name: run, mountPath: /run/labeller}
volumes:
  - name: program
    configMap: {name: {{ .name }}}
  - name: run
    emptyDir: {}
{{- end }}
